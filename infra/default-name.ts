/** Base of all names, and so of the stack's, where no stage is set. By itself: the command line reads it without loading CDK. */
export const DEFAULT_NAME = 'hundredfold';
