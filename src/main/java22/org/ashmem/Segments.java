// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** Mappings as memory segments, of any length, and with an arena of the caller. */
public final class Segments {
  private Segments() {}

  /**
   * Returns the bytes of a mapping.
   *
   * @param mapping an open mapping, of any length
   * @return a segment; it is read-only if the mapping is, and throws IllegalStateException after
   *     the mapping is closed
   * @throws ClosedException if the mapping is closed
   */
  public static MemorySegment of(Mapping mapping) {
    MemorySegment segment = ((ArenaMemory) mapping.memory()).segment();
    return mapping.isReadOnly() ? segment.asReadOnly() : segment;
  }

  /**
   * Maps a part of a region for the lifetime of an arena.
   *
   * @param region the region, which may be closed before the arena
   * @param mode whether the mapping is writable, and whether it is shared
   * @param offset the start of the part in bytes, at least 0; it need not be a multiple of the page
   *     size
   * @param length the length of the part in bytes, at least 1
   * @param arena the arena; closing it unmaps the part; for arenas that are never closed explicitly
   *     see {@link Arena#ofAuto} and {@link Arena#global}
   * @return a segment; it is read-only if the mode is
   * @throws IllegalArgumentException if the part is empty, or not within the region
   * @throws IllegalStateException if the arena is closed
   * @throws WrongThreadException if the arena is confined to another thread
   * @throws AshmemException.PermissionDenied if the protection lacks a right that the mode needs
   * @throws AshmemException.OutOfMemory if there is no room for the mapping
   * @throws ClosedException if the region is closed
   */
  public static MemorySegment map(
      AshmemRegion region, MapMode mode, long offset, long length, Arena arena) {
    long before = offset & (AshmemRegion.pageSize() - 1);
    // mapAddress checks the arguments before there is anything to undo.
    Lifetime lifetime = Lifetime.ofMapping(region.name(), offset, length);
    Events.MapEvent event = Events.map(region.name(), mode, offset, length);
    Unmapping unmapping = new Unmapping(before + length, () -> {});
    unmapping.mapped(region.mapAddress(mode, offset, length));
    MemorySegment segment;
    try {
      segment = ArenaMemory.adopt(unmapping, arena, () -> end(unmapping, lifetime));
      lifetime.begin();
    } catch (Throwable e) {
      boolean unused = unmapping.unmap();
      throw e;
    }
    Events.mapped(event);
    segment = segment.asSlice(before, length);
    return mode.isReadOnly() ? segment.asReadOnly() : segment;
  }

  /** Runs when the arena ends. This is never a leak, even if the collector ends the arena. */
  private static void end(Unmapping unmapping, Lifetime lifetime) {
    Events.CloseEvent event = Events.close(lifetime);
    boolean unused = unmapping.unmap();
    boolean unusedToo = lifetime.close();
    Events.closed(event);
  }
}
