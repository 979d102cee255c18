// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

import java.net.URL;
import java.util.Optional;

/** Warns if a newer Java runs the classes for Java 17, because the jar was repackaged. */
final class MultiRelease {
  /** The Java release that the jar has classes of its own for. */
  static final int NEWER = 22;

  private static final System.Logger LOG = System.getLogger("org.ashmem");

  private MultiRelease() {}

  /** Called once, by the initializer of a class that newer Java must not load. */
  static void warn(Class<?> old) {
    URL own = old.getResource(old.getSimpleName() + ".class");
    // A folder of classes is never multi-release.
    if (own != null && own.getProtocol().equals("jar")) {
      String newer =
          "/META-INF/versions/" + NEWER + "/" + old.getName().replace('.', '/') + ".class";
      warning(Runtime.version().feature(), old.getResource(newer) != null, own.toString())
          .ifPresent(warning -> LOG.log(System.Logger.Level.WARNING, warning));
    }
  }

  /** Returns the warning for a class file of a jar, if one is due. */
  static Optional<String> warning(int release, boolean hasNewer, String file) {
    if (release < NEWER) {
      return Optional.empty();
    }
    String cause =
        hasNewer
            ? "the manifest lacks the line 'Multi-Release: true'; add it where this jar is made"
            : "the jar lacks the classes for Java 22; take a jar that a JDK of 22 or newer built";
    return Optional.of(
        "Java "
            + release
            + " uses the classes of ashmem for Java 17: no Segments, mappings of at most"
            + " 2147483647 bytes, and the views of a closed mapping read zeros. The cause: "
            + cause
            + " ("
            + file
            + ")");
  }
}
