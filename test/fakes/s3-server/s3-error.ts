import { element } from './xml.ts';

const statusOf = {
  AccessDenied: 403,
  BadDigest: 400,
  ConditionalRequestConflict: 409,
  EntityTooSmall: 400,
  InternalError: 500,
  InvalidArgument: 400,
  InvalidPart: 400,
  InvalidPartOrder: 400,
  InvalidRange: 416,
  InvalidRequest: 400,
  MissingContentLength: 411,
  MethodNotAllowed: 405,
  NoSuchBucket: 404,
  NoSuchKey: 404,
  NoSuchUpload: 404,
  NoSuchVersion: 404,
  NotImplemented: 501,
  PreconditionFailed: 412,
  SlowDown: 503,
  XAmzContentSHA256Mismatch: 400,
} as const;

export type S3ErrorCode = keyof typeof statusOf;

/** Thrown by an operation, answered as S3's error document. */
export class S3Error extends Error {
  readonly code: S3ErrorCode;
  readonly headers: Record<string, string>;

  constructor(code: S3ErrorCode, message: string = code, headers: Record<string, string> = {}) {
    super(message);
    this.code = code;
    this.headers = headers;
  }

  get status(): number {
    return statusOf[this.code];
  }

  get document(): string {
    return element('Error', element('Code', this.code) + element('Message', this.message) + element('RequestId', 'test'));
  }
}
