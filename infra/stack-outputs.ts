/** Names of the stack's outputs that the command line reads. */
export const stackOutputs = {
  inputBucket: 'InputBucketName',
  workBucket: 'WorkBucketName',
  resultsBucket: 'ResultsBucketName',
  stateMachine: 'StateMachineArn',
  endpoint: 'ModelEndpoint',
  /** JSON of DeploymentDefaults. */
  deployment: 'DeploymentDefaults',
} as const;

/** Names of outputs that only doctor and smoke read. */
export const accountOutputs = { database: 'DatabaseName', workgroup: 'WorkgroupName', modelKeySecret: 'ModelKeySecretName' } as const;
