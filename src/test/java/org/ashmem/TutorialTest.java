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
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/**
 * The manual of this library, to be read from top to bottom. Each part is a test of its own, so
 * every statement in it is checked.
 *
 * <p>The tests run without the kernel module: {@link OnMemfd} puts their regions on Linux's memfd.
 * A program does this with {@code -Dorg.ashmem.backend=memfd}. Most programs leave the property
 * unset: then regions are on the device if there is one, and on memfd otherwise.
 */
@ExtendWith(OnMemfd.class)
class TutorialTest {
  /** The size of a page in bytes. The kernel pins and purges whole pages. */
  private static final int PAGE = (int) AshmemRegion.pageSize();

  /** A region is memory outside the Java heap. It has a name for diagnosis and a size in bytes. */
  @Test
  void createAndMap() {
    try (AshmemRegion region = AshmemRegion.create("tutorial", 4L * PAGE)) {
      assertEquals("tutorial", region.name());
      assertEquals(4L * PAGE, region.size());

      // A program accesses the bytes through a mapping of the whole region or of a part.
      try (Mapping mapping = region.map();
          Mapping part = region.map(100, 20)) {
        ByteBuffer bytes = mapping.buffer();
        assertEquals(0, bytes.get(100)); // a new region contains zeros
        bytes.put(100, (byte) 42);
        assertEquals(42, part.buffer().get(0)); // all mappings share the region's memory
      }
    }

    // A program closes mappings and regions in any order. A mapping outlives its region.
    AshmemRegion region = AshmemRegion.create("tutorial", PAGE);
    Mapping mapping = region.map();
    region.close();
    mapping.buffer().put(0, (byte) 1);
    mapping.close();

    // Calls on a closed object fail. A buffer of a closed mapping accesses no other memory.
    assertThrows(ClosedException.class, region::map);
    assertThrows(ClosedException.class, mapping::buffer);
  }

  /**
   * All pages of a new region are pinned. A program unpins data that it can create again, and the
   * kernel may purge unpinned pages.
   */
  @Test
  void unpinAndPin() {
    try (AshmemRegion region = AshmemRegion.create("tutorial", 4L * PAGE);
        Mapping mapping = region.map()) {
      mapping.buffer().put(0, (byte) 42);
      assertEquals(PinStatus.PINNED, region.pinStatus());

      // From now on, the kernel may take the memory when memory is short.
      region.unpin();
      assertEquals(PinStatus.UNPINNED, region.pinStatus());

      // From now on, the kernel may not. The result reports whether it did: every byte is intact.
      assertEquals(PinResult.NOT_PURGED, region.pin());
      assertEquals(42, mapping.buffer().get(0));

      // A range of pages can be unpinned and pinned. It begins and ends at a page boundary.
      region.unpin(PAGE, 2L * PAGE);
      assertEquals(PinStatus.PINNED, region.pinStatus(0, PAGE));
      assertThrows(IllegalArgumentException.class, () -> region.unpin(10, 20));

      // Calls of pin are not counted: one unpin cancels any number of them.
      assertEquals(PinResult.NOT_PURGED, region.pin());
      assertEquals(PinResult.NOT_PURGED, region.pin());
      region.unpin();
      assertEquals(PinStatus.UNPINNED, region.pinStatus());
    }
  }

  /** Purged pages read as zeros. The program creates their content again. */
  @Test
  void purgeAndRebuild() {
    try (AshmemRegion region = AshmemRegion.create("tutorial", 4L * PAGE);
        Mapping mapping = region.map()) {
      mapping.buffer().put(0, (byte) 42);
      mapping.buffer().put(PAGE, (byte) 43);
      region.unpin(0, PAGE);

      // This call purges all unpinned pages. When memory is short, the kernel purges the least
      // recently unpinned ranges first.
      assertTrue(AshmemRegion.purgeAllCaches() >= 1);

      // At least one page of the range was purged, so the whole range must be created again.
      assertEquals(PinResult.WAS_PURGED, region.pin(0, PAGE));
      assertEquals(0, mapping.buffer().get(0));
      mapping.buffer().put(0, (byte) 42);

      // A purge is reported once. Pinned pages are never purged.
      assertEquals(PinResult.NOT_PURGED, region.pin(0, PAGE));
      assertEquals(43, mapping.buffer().get(PAGE));
    }
  }

  /** A program can be told of a purge, before it pins. */
  @Test
  void hearOfAPurge() throws Exception {
    CountDownLatch told = new CountDownLatch(1);
    try (AshmemRegion region = AshmemRegion.create("told", 4L * PAGE);
        PurgeWatch watch = region.onPurge(told::countDown)) {
      region.unpin();
      AshmemRegion.purgeAllCaches();

      // The action runs in a thread of the library. It says nothing about single pages.
      told.await();
      assertEquals(PinResult.WAS_PURGED, region.pin());
    }
  }

  /** Most programs pin with a scope. Inside the scope, the pages are not purged. */
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
        } // the end of the scope unpins the region
        if (round == 1) {
          AshmemRegion.purgeAllCaches();
        }
      }
      assertEquals(2, made);
    }
  }

  /** Scopes are counted, so that the users of a range need not know of each other. */
  @Test
  void pinForTwoUsers() {
    try (AshmemRegion region = AshmemRegion.create("tutorial", PAGE)) {
      Pin one = region.pinned();
      Pin two = region.pinned();
      one.close();
      assertEquals(PinStatus.PINNED, region.pinStatus());
      two.close();
      assertEquals(PinStatus.UNPINNED, region.pinStatus());
    }
  }

  /** One call takes many ranges, such as the tiles of a picture. Each has a result of its own. */
  @Test
  void pinManyRanges() {
    try (AshmemRegion region = AshmemRegion.create("tutorial", 4L * PAGE);
        Mapping mapping = region.map()) {
      PinRange first = new PinRange(0, PAGE);
      PinRange last = new PinRange(3L * PAGE, PAGE);
      mapping.buffer().put(0, (byte) 42);
      region.unpinAll(first, last);
      assertEquals(new RegionUsage(2L * PAGE, 2L * PAGE, 0), RegionUsage.of(region));
      assertEquals(PAGE, RegionUsage.residentBytes(region)); // only the first page was touched

      AshmemRegion.purgeAllCaches();
      assertEquals(0, RegionUsage.residentBytes(region));

      PinRange second = new PinRange(PAGE, PAGE);
      PinResults results = region.pinAll(first, second, last);
      assertEquals(PinResult.NOT_PURGED, results.result(1));
      for (PinRange lost : results.purged()) {
        mapping.buffer().put((int) lost.offset(), (byte) 42); // the program creates it again
      }
      assertEquals(List.of(first, last), results.purged());
    }
  }

  /** A region can be shared with another process that can only read it. */
  @Test
  void shareToRead() {
    try (AshmemRegion region = AshmemRegion.create("tutorial", PAGE);
        Mapping writable = region.map()) { // an earlier mapping stays writable
      region.setProtection(EnumSet.of(Protection.READ));

      // Processes share a region by passing a file descriptor. RegionChannel sends one to another
      // process. This test plays both processes. The receiver gets the name and the size.
      RegionDescriptor descriptor = region.dup();
      try (AshmemRegion received = AshmemRegion.fromFileDescriptor(descriptor);
          Mapping mapping = received.map()) {
        assertEquals("tutorial", received.name());
        assertEquals(region.fileId(), received.fileId());
        writable.buffer().putInt(0, 42);
        assertEquals(42, mapping.buffer().getInt(0));

        // The receiver cannot write, and it cannot restore the protection.
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

  /** Several threads or processes can change the same longs at the same time. */
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
      assertEquals(3000, counters.getVolatile(7)); // with get and set, additions would be lost
    }
  }

  /* In C: struct user { int32_t state; int64_t seen; char name[20]; }; */

  private static final RecordLayout USER =
      RecordLayout.builder().addInt("state").addLong("seen").addBytes("name", 20).build();
  private static final RecordLayout.IntField STATE = USER.intField("state");
  private static final RecordLayout.LongField SEEN = USER.longField("seen");
  private static final RecordLayout.BytesField NAME = USER.bytesField("name");

  /** Records have several fields, at the offsets that a C compiler gives them. */
  @Test
  void keepRecords() {
    assertEquals(40, USER.size());
    try (AshmemRegion region = AshmemRegion.create("tutorial", PAGE);
        Mapping mapping = region.map()) {
      SharedRecords users = SharedRecords.of(mapping, USER);
      SEEN.set(users, 3, 1_700_000_000);
      NAME.set(users, 3, "Ada".getBytes(UTF_8));
      STATE.setVolatile(users, 3, 1); // the last write: it publishes the writes before it

      assertEquals(1, STATE.getVolatile(users, 3));
      assertEquals(1_700_000_000, SEEN.get(users, 3));
      assertEquals("Ada", new String(NAME.get(users, 3), UTF_8).trim());
      assertTrue(STATE.compareAndSet(users, 3, 1, 2)); // of many threads, only one succeeds
      assertFalse(STATE.compareAndSet(users, 3, 1, 2));
    }
  }

  /**
   * A small cache. It needs no limit, because the kernel purges it when memory is short. The
   * example TileCache is another.
   */
  private static final class Squares implements AutoCloseable {
    private final AshmemRegion region;
    private final Mapping mapping;
    private final boolean[] filled;
    private int computed;

    /** Each entry has its own page, so that it is pinned alone. */
    Squares(int entries) {
      region = AshmemRegion.create("squares", (long) entries * PAGE);
      mapping = region.map();
      filled = new boolean[entries];
      region.unpin();
    }

    /** Synchronized, because only the first scope after a purge finds it. */
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

  /**
   * The garbage collector frees regions and mappings that the program forgot to close, and the
   * library logs a warning.
   */
  @Test
  void leakIsReported() throws Exception {
    long before = Counters.leaks();
    forgetRegion();
    // With -Dorg.ashmem.leaks=paranoid, the warning shows where the region was created.
    Await.collection(() -> Counters.leaks() > before);
  }

  private static void forgetRegion() {
    assertTrue(AshmemRegion.create("forgotten by the tutorial", PAGE).isOpen());
  }

  /**
   * Only the device offers purging by the kernel, before it kills a process for memory, and pins
   * that all processes of a shared region see. A program that needs these selects the device. If
   * the device is missing, the exception explains how to load the module.
   */
  @Test
  void chooseWhatPurges() {
    try (AshmemRegion region =
        AshmemRegion.builder().name("tutorial").size(PAGE).backend(Backend.MEMFD).create()) {
      assertEquals(Backend.MEMFD, region.backend());
    }
    assertEquals(Backend.MEMFD, Backend.configured()); // the property, see the class comment
    RegionBuilder builder =
        AshmemRegion.builder().name("tutorial").size(PAGE).backend(Backend.DEVICE);
    try (AshmemRegion region = builder.create()) {
      assertEquals(Backend.DEVICE, region.backend());
    } catch (AshmemException.DeviceMissing | AshmemException.PermissionDenied e) {
      assertTrue(e.getMessage().contains("/dev/ashmem"), e.getMessage());
    }
  }
}
