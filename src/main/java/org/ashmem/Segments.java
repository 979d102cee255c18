// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

/**
 * Mappings as {@code java.lang.foreign.MemorySegment}: of any length, and with an {@code Arena} of
 * the caller's. From Java 22 on this class has two methods, which a compiler sees that compiles for
 * Java 22 or newer ({@code javac --release 22}):
 *
 * <pre>{@code
 * static MemorySegment of(Mapping mapping)
 * static MemorySegment map(AshmemRegion region, MapMode mode, long offset, long length, Arena arena)
 * }</pre>
 *
 * <p>{@code of} gives the bytes of a mapping until that is closed, then the segment throws
 * IllegalStateException. {@code map} maps a part of a region for as long as the arena is alive: a
 * confined arena is the fastest to close, since closing a shared one has every thread of the JVM
 * look up. Before Java 22 the class has no methods.
 */
public final class Segments {
  private Segments() {}
}
