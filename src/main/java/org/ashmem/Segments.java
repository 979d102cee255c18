// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

/**
 * Mappings as {@code java.lang.foreign.MemorySegment}, of any length, and with an {@code Arena} of
 * the caller. The methods need Java 22 or newer. They are visible to a compiler for Java 22 or
 * newer ({@code javac --release 22}):
 *
 * <pre>{@code
 * static MemorySegment of(Mapping mapping)
 * static MemorySegment map(AshmemRegion region, MapMode mode, long offset, long length, Arena arena)
 * }</pre>
 *
 * <p>{@code of} returns the bytes of a mapping. After the mapping is closed, the segment throws
 * IllegalStateException. {@code map} maps a part of a region for the lifetime of the arena. A
 * confined arena is the fastest to close: closing a shared arena needs a handshake with every
 * thread of the JVM.
 */
public final class Segments {
  private Segments() {}
}
