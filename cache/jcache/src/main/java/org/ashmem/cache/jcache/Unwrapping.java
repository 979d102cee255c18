// SPDX-License-Identifier: Apache-2.0
package org.ashmem.cache.jcache;

/** The unwrap methods of the specification. */
final class Unwrapping {
  private Unwrapping() {}

  /**
   * Returns the first of some objects that has a type.
   *
   * @throws IllegalArgumentException if none has it
   */
  static <T> T unwrap(Class<T> type, Object... objects) {
    for (Object object : objects) {
      if (type.isInstance(object)) {
        return type.cast(object);
      }
    }
    throw new IllegalArgumentException("there is no " + type.getName() + " behind it");
  }
}
