/** There is no such object, or not the version of it that was asked for. `name` is what callers of the port match. */
export class ObjectNotFound extends Error {
  override readonly name = 'ObjectNotFound';
}
