// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.ByteBuffer;
import java.nio.ReadOnlyBufferException;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/**
 * The manual: read it from top to bottom. Each part stands for itself, and is a test, so that what
 * it says is so.
 *
 * <p>It runs anywhere, without the kernel's driver, on Linux's memfd. In place of {@link OnMemfd} a
 * program is started with {@code -Dorg.ashmem.backend=memfd}, or, as most are, with nothing: then
 * regions are on the device where there is one, and on memfd where there is none.
 */
@ExtendWith(OnMemfd.class)
class TutorialTest {
  /** The kernel pins and purges whole pages. */
  private static final int PAGE = (int) AshmemRegion.pageSize();

  /** A region is memory outside of the heap. It has a name, for people, and a size in bytes. */
  @Test
  void createAndMap() {
    try (AshmemRegion region = AshmemRegion.create("tutorial", 4L * PAGE)) {
      assertEquals("tutorial", region.name());
      assertEquals(4L * PAGE, region.size());

      // Its bytes are reached through a mapping: all of them, or a part.
      try (Mapping mapping = region.map();
          Mapping part = region.map(100, 20)) {
        ByteBuffer bytes = mapping.buffer();
        assertEquals(0, bytes.get(100)); // a new region is all zeros
        bytes.put(100, (byte) 42);
        assertEquals(42, part.buffer().get(0)); // mappings share the region's memory
      }
    }

    // Mappings and regions are closed, in any order: a mapping lives on without its region.
    AshmemRegion region = AshmemRegion.create("tutorial", PAGE);
    Mapping mapping = region.map();
    region.close();
    mapping.buffer().put(0, (byte) 1);
    mapping.close();

    // After that the one says so. A buffer from before reaches no memory that is not its own.
    assertThrows(ClosedException.class, region::map);
    assertThrows(ClosedException.class, mapping::buffer);
  }

  /** All pages are pinned at first. What could be made again is unpinned: it may be purged. */
  @Test
  void unpinAndPin() {
    try (AshmemRegion region = AshmemRegion.create("tutorial", 4L * PAGE);
        Mapping mapping = region.map()) {
      mapping.buffer().put(0, (byte) 42);
      assertEquals(PinStatus.PINNED, region.pinStatus());

      // From here on the kernel may take the memory, when it is short of it.
      region.unpin();
      assertEquals(PinStatus.UNPINNED, region.pinStatus());

      // From here on it may not, and this tells whether it did. It did not: every byte is intact.
      assertEquals(PinResult.NOT_PURGED, region.pin());
      assertEquals(42, mapping.buffer().get(0));

      // A range of pages does, too. It begins and ends at a page.
      region.unpin(PAGE, 2L * PAGE);
      assertEquals(PinStatus.PINNED, region.pinStatus(0, PAGE));
      assertThrows(IllegalArgumentException.class, () -> region.unpin(10, 20));

      // Pins are not counted: one unpin undoes any number of pins.
      assertEquals(PinResult.NOT_PURGED, region.pin());
      assertEquals(PinResult.NOT_PURGED, region.pin());
      region.unpin();
      assertEquals(PinStatus.UNPINNED, region.pinStatus());
    }
  }

  /** What was purged reads as zeros, and is made again. */
  @Test
  void purgeAndRebuild() {
    try (AshmemRegion region = AshmemRegion.create("tutorial", 4L * PAGE);
        Mapping mapping = region.map()) {
      mapping.buffer().put(0, (byte) 42);
      mapping.buffer().put(PAGE, (byte) 43);
      region.unpin(0, PAGE);

      // Memory gets short. This asks for all that is unpinned; else the least recent goes first.
      assertTrue(AshmemRegion.purgeAllCaches() >= 1);

      // At least one page of the range was purged: all of the range is to be made again.
      assertEquals(PinResult.WAS_PURGED, region.pin(0, PAGE));
      assertEquals(0, mapping.buffer().get(0));
      mapping.buffer().put(0, (byte) 42);

      // This is told once. And what was pinned was left alone.
      assertEquals(PinResult.NOT_PURGED, region.pin(0, PAGE));
      assertEquals(43, mapping.buffer().get(PAGE));
    }
  }

  /** The same as a scope, in which nothing is purged: this is how most programs are written. */
  @Test
  void pinForAScope() {
    try (AshmemRegion region = AshmemRegion.create("tutorial", PAGE);
        Mapping mapping = region.map()) {
      ByteBuffer bytes = mapping.buffer();
      int made = 0;
      for (int round = 0; round < 4; round++) {
        try (Pin pin = region.pinned()) {
          if (round == 0 || pin.wasPurged()) {
            bytes.putLong(0, 42);
            made++;
          }
          assertEquals(42, bytes.getLong(0));
        } // unpinned again
        if (round == 1) {
          AshmemRegion.purgeAllCaches();
        }
      }
      assertEquals(2, made);
    }
  }

  /** Another process gets the region, and can read it only. */
  @Test
  void shareToRead() {
    try (AshmemRegion region = AshmemRegion.create("tutorial", PAGE);
        Mapping writable = region.map()) { // mapped first, it stays writable
      region.setProtection(EnumSet.of(Protection.READ));

      // What crosses over is a descriptor. RegionChannel sends one to another process; here we are
      // the other process ourselves. Name and size come along.
      int descriptor = region.dup();
      try (AshmemRegion received = AshmemRegion.fromFileDescriptor(descriptor);
          Mapping mapping = received.map()) {
        assertEquals("tutorial", received.name());
        assertEquals(region.fileId(), received.fileId());
        writable.buffer().putInt(0, 42);
        assertEquals(42, mapping.buffer().getInt(0));

        // There is no way to write, and none to get it back.
        assertTrue(mapping.isReadOnly());
        assertThrows(ReadOnlyBufferException.class, () -> mapping.buffer().putInt(0, 1));
        assertThrows(
            AshmemException.PermissionDenied.class,
            () -> received.map(MapMode.READ_WRITE, 0, PAGE));
        assertThrows(
            IllegalArgumentException.class,
            () -> received.setProtection(Set.of(Protection.READ, Protection.WRITE)));
      }
    }
  }

  /** Longs that are changed by several threads, or processes, at the same time. */
  @Test
  void countTogether() throws Exception {
    try (AshmemRegion region = AshmemRegion.create("tutorial", PAGE);
        Mapping mapping = region.map()) {
      SharedLongs counters = SharedLongs.of(mapping);
      assertEquals(PAGE / 8, counters.length());
      List<Thread> threads = new ArrayList<>();
      for (int i = 0; i < 3; i++) {
        Thread thread =
            new Thread(
                () -> {
                  for (int n = 0; n < 1000; n++) {
                    counters.getAndAdd(7, 1);
                  }
                });
        thread.start();
        threads.add(thread);
      }
      for (Thread thread : threads) {
        thread.join();
      }
      assertEquals(3000, counters.getVolatile(7)); // of get and set some would have been lost
    }
  }

  /* To a program in C: struct user { int32_t state; int64_t seen; char name[20]; }; */

  private static final RecordLayout USER =
      RecordLayout.builder().addInt("state").addLong("seen").addBytes("name", 20).build();
  private static final RecordLayout.IntField STATE = USER.intField("state");
  private static final RecordLayout.LongField SEEN = USER.longField("seen");
  private static final RecordLayout.BytesField NAME = USER.bytesField("name");

  /** Records of several fields, at the places where a C compiler has them. */
  @Test
  void keepRecords() {
    assertEquals(40, USER.size());
    try (AshmemRegion region = AshmemRegion.create("tutorial", PAGE);
        Mapping mapping = region.map()) {
      SharedRecords users = SharedRecords.of(mapping, USER);
      SEEN.set(users, 3, 1_700_000_000);
      NAME.set(users, 3, "Ada".getBytes(UTF_8));
      STATE.setVolatile(users, 3, 1); // last: who sees this sees what was written before

      assertEquals(1, STATE.getVolatile(users, 3));
      assertEquals(1_700_000_000, SEEN.get(users, 3));
      assertEquals("Ada", new String(NAME.get(users, 3), UTF_8).trim());
      assertTrue(STATE.compareAndSet(users, 3, 1, 2)); // one of many threads takes it
      assertFalse(STATE.compareAndSet(users, 3, 1, 2));
    }
  }

  /** A small cache: it is as large as it likes, and gives way. The example TileCache is one. */
  private static final class Squares implements AutoCloseable {
    private final AshmemRegion region;
    private final Mapping mapping;
    private final boolean[] filled;
    private int computed;

    /** Each entry has a page, so that each is pinned for itself. */
    Squares(int entries) {
      region = AshmemRegion.create("squares", (long) entries * PAGE);
      mapping = region.map();
      filled = new boolean[entries];
      region.unpin();
    }

    /** By one thread at a time: pins are not counted. */
    synchronized long get(int n) {
      try (Pin pin = region.pinned((long) n * PAGE, PAGE)) {
        ByteBuffer entry = mapping.buffer().slice(n * PAGE, PAGE);
        if (!filled[n] || pin.wasPurged()) {
          filled[n] = true;
          computed++;
          entry.putLong(0, (long) n * n);
        }
        return entry.getLong(0);
      }
    }

    @Override
    public void close() {
      mapping.close();
      region.close();
    }
  }

  @Test
  void buildACache() {
    try (Squares squares = new Squares(100)) {
      for (int round = 0; round < 2; round++) {
        for (int n = 0; n < 100; n++) {
          assertEquals((long) n * n, squares.get(n));
        }
      }
      assertEquals(100, squares.computed);

      AshmemRegion.purgeAllCaches();
      assertEquals(49, squares.get(7));
      assertEquals(101, squares.computed);
    }
  }

  /** What nobody closes is freed when the collector finds it, and a warning is logged. */
  @Test
  void leakIsReported() throws Exception {
    long before = Counters.leaks();
    forgetRegion();
    // With -Dorg.ashmem.leaks=paranoid the warning has the place where it was created.
    Await.collection(() -> Counters.leaks() > before);
  }

  private static void forgetRegion() {
    assertTrue(AshmemRegion.create("forgotten by the tutorial", PAGE).isOpen());
  }

  /**
   * The device gives what memfd cannot: purges by the kernel, before it kills anybody, and pins for
   * all who share a region. A program that must have that says so, and is told how to load it.
   */
  @Test
  void chooseWhatPurges() {
    try (AshmemRegion region =
        AshmemRegion.builder().name("tutorial").size(PAGE).backend(Backend.MEMFD).create()) {
      assertEquals(Backend.MEMFD, region.backend());
    }
    assertEquals(Backend.MEMFD, Backend.configured()); // by the property, see above
    AshmemRegion.Builder builder =
        AshmemRegion.builder().name("tutorial").size(PAGE).backend(Backend.DEVICE);
    try (AshmemRegion region = builder.create()) {
      assertEquals(Backend.DEVICE, region.backend());
    } catch (AshmemException.DeviceMissing | AshmemException.PermissionDenied e) {
      assertTrue(e.getMessage().contains("/dev/ashmem"), e.getMessage());
    }
  }
}
