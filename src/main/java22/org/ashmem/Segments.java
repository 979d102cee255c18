// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** Mappings as memory segments: of any length, and with an arena of the caller's. */
public final class Segments {
  private Segments() {}

  /**
   * Returns the bytes of a mapping.
   *
   * @param mapping an open mapping, of any length
   * @return a segment, read-only if the mapping is, that throws IllegalStateException once the
   *     mapping is closed
   * @throws ClosedException if the mapping is closed
   */
  public static MemorySegment of(Mapping mapping) {
    MemorySegment segment = mapping.memory().segment();
    return mapping.isReadOnly() ? segment.asReadOnly() : segment;
  }

  /**
   * Maps a part of a region for as long as an arena is alive.
   *
   * @param region the region, which may be closed before the arena is
   * @param mode whether to write, and whether to share
   * @param offset where the part begins, in bytes, from 0; it need not be a multiple of the page
   *     size
   * @param length the part's length in bytes, at least 1
   * @param arena what unmaps the part when it is closed; for {@link Arena#ofAuto} and {@link
   *     Arena#global} see there
   * @return a segment, read-only if the mode is
   * @throws IllegalArgumentException if the part is empty, or not within the region
   * @throws IllegalStateException if the arena is closed
   * @throws WrongThreadException if the arena is confined to another thread
   * @throws AshmemException.PermissionDenied if the protection lacks what the mode needs
   * @throws AshmemException.OutOfMemory if there is no room for it
   * @throws ClosedException if the region is closed
   */
  public static MemorySegment map(
      AshmemRegion region, MapMode mode, long offset, long length, Arena arena) {
    long before = offset & (AshmemRegion.pageSize() - 1);
    // Looked at before anything is known of it that would have to be taken back.
    Lifetime lifetime = Lifetime.ofMapping(region.name(), offset, length);
    Events.MapEvent event = Events.map(region.name(), mode, offset, length);
    long address = region.mapAddress(mode, offset, length);
    Unmapping unmapping = new Unmapping(address, before + length, () -> {});
    MemorySegment segment;
    try {
      segment = Memory.adopt(unmapping, arena, () -> end(unmapping, lifetime));
      lifetime.begin();
    } catch (Throwable e) {
      boolean unused = unmapping.unmap();
      throw e;
    }
    Events.mapped(event);
    segment = segment.asSlice(before, length);
    return mode.isReadOnly() ? segment.asReadOnly() : segment;
  }

  /** The arena's end is no leak, whoever or whatever closed it. */
  private static void end(Unmapping unmapping, Lifetime lifetime) {
    Events.CloseEvent event = Events.close(lifetime);
    boolean unused = unmapping.unmap();
    boolean unusedToo = lifetime.close();
    Events.closed(event);
  }
}
