/** When alarms ring. */
export interface AlarmLimits {
  /** Hours after which a run that is still at work rings. @default 24 */
  readonly runHours?: number;
  /** Share of model calls that were throttled (429), in percent. @default 20 */
  readonly throttledPercentage?: number;
  /** Share of model calls that failed otherwise, in percent. @default 20 */
  readonly errorPercentage?: number;
  /** Dollars in one hour, as far as prices are known. @default 10 */
  readonly spendUsdPerHour?: number;
}

export const alarmDefaults: Required<AlarmLimits> = { runHours: 24, throttledPercentage: 20, errorPercentage: 20, spendUsdPerHour: 10 };
