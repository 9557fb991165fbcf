import { RemovalPolicy, SecretValue } from 'aws-cdk-lib';
import { type ISecret, Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { Construct } from 'constructs';

/** What the secret holds until somebody sets the key: nothing that could be taken for one, and what summarize-batch refuses by name. */
export const UNSET_MODEL_KEY = '<set-me>';

export interface ModelKeyProps {
  /** A secret of yours. @default a new one */
  readonly secret?: ISecret;
  /** What becomes of the key when the stack goes. @default RETAIN */
  readonly removalPolicy?: RemovalPolicy;
}

/** The API key of the model endpoint, the secret's whole string. Deploying again leaves a key that was set alone. */
export class ModelKey extends Construct {
  readonly secret: ISecret;
  /** Whether the secret was made here. */
  readonly isOwn: boolean;

  constructor(scope: Construct, id: string, { secret, removalPolicy = RemovalPolicy.RETAIN }: ModelKeyProps = {}) {
    super(scope, id);
    this.isOwn = secret === undefined;
    this.secret =
      secret ??
      new Secret(this, 'Secret', {
        description: 'API key of the model endpoint',
        secretStringValue: SecretValue.unsafePlainText(UNSET_MODEL_KEY),
        removalPolicy,
      });
  }

  /** The secret as policies name it. Of a secret that is known by its name alone, Secrets Manager's six characters at the end are not. */
  get arnInPolicies(): string {
    return this.secret.secretFullArn ?? `${this.secret.secretArn}-??????`;
  }

  /** What functions ask for: the ARN, or the name where that is all that is known. */
  get reference(): string {
    return this.secret.secretFullArn ?? this.secret.secretName;
  }

  /** The command that sets the key from a file, so that the key stays out of the shell's history. */
  get setCommand(): string {
    return `aws secretsmanager put-secret-value --secret-id ${this.secret.secretName} --secret-string file://model.key`;
  }
}
