// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

import java.lang.ref.Cleaner;
import java.nio.ByteBuffer;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The mapped memory of a {@link Mapping} or a {@link LazyMemory}: an {@link ArenaMemory} from Java
 * 22 on, before that a {@link TombstoneMemory}.
 *
 * <p>The choice is made here and not by a multi-release jar: a build that repackages the jar may
 * lose the manifest, or move the classes of the package without those in META-INF/versions.
 */
abstract class Memory {
  /** The first Java release that has arenas. */
  static final int ARENAS = 22;

  /**
   * Whether this JVM and this jar have them. An older JVM must not load the class {@link
   * ArenaMemory}: it refers to classes that are missing there.
   */
  static final boolean HAS_ARENAS = Runtime.version().feature() >= ARENAS && ArenaMemory.isThere();

  /** The maximum length of a buffer in bytes. From a segment, the JDK makes no longer one. */
  static final int MAX_BUFFER = HAS_ARENAS ? Integer.MAX_VALUE - 8 : Integer.MAX_VALUE;

  static {
    warning(Runtime.version().feature(), HAS_ARENAS)
        .ifPresent(
            warning -> System.getLogger("org.ashmem").log(System.Logger.Level.WARNING, warning));
  }

  /** Makes {@code length} bytes visible, from the offset {@code before} in the mapped pages. */
  static Memory of(Cleaner cleaner, long before, long length, Unmapping unmapping) {
    return HAS_ARENAS
        ? ArenaMemory.of(cleaner, before, length, unmapping)
        : new TombstoneMemory(cleaner, before, length, unmapping);
  }

  /** The maximum length of a view, in bytes. */
  static long maxLength() {
    return HAS_ARENAS ? Long.MAX_VALUE : Integer.MAX_VALUE;
  }

  /** Returns the warning for a Java release, if one is due. */
  static Optional<String> warning(int release, boolean hasArenas) {
    return release < ARENAS || hasArenas
        ? Optional.empty()
        : Optional.of(
            "this jar of ashmem was built by a JDK older than 22: Java "
                + release
                + " gets no Segments, mappings of at most 2147483647 bytes, and the views of a"
                + " closed mapping read zeros; take a jar that a JDK of 22 or newer built");
  }

  /**
   * Returns a new view, or null if the memory is closed. Java treats the view as writable, even if
   * the mapping is read-only.
   */
  abstract @Nullable ByteBuffer buffer();

  /** Detaches all views from the mapping. Returns 0 or the negated errno. */
  abstract int close();
}
