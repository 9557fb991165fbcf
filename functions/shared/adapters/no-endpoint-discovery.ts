/**
 * Stands in the functions' bundles for DynamoDB's discovery of endpoints, which is off unless a client asks for it, and for the cache that it
 * brings along: 8 kB.
 */
export const resolveEndpointDiscoveryConfig = <Config>(config: Config): Config => config;

export const NODE_ENDPOINT_DISCOVERY_CONFIG_OPTIONS = {
  environmentVariableSelector: () => undefined,
  configFileSelector: () => undefined,
  default: false,
};
