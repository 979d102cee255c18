// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.ref.WeakReference;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a program is told of purges on the device or on memfd. */
class PurgeWatchIT {
  private static final long SIZE = 4 * AshmemRegion.pageSize();

  private final Semaphore told = new Semaphore(0);
  private AshmemRegion region;

  @BeforeEach
  void createRegion() {
    region = filled("watched");
  }

  @AfterEach
  void everythingEnds() throws Exception {
    region.close();
    Await.until(() -> Threads.named("ashmem-purges").isEmpty());
  }

  private static AshmemRegion filled(String name) {
    AshmemRegion region = AshmemRegion.create(name, SIZE);
    try (Mapping mapping = region.map()) {
      mapping.buffer().put(0, (byte) 1);
    }
    return region;
  }

  private static void purge(AshmemRegion region) {
    region.unpin();
    AshmemRegion.purgeAllCaches();
  }

  @Test
  void eachPurgeIsTold() throws Exception {
    try (PurgeWatch watch = region.onPurge(told::release)) {
      for (int round = 0; round < 3; round++) {
        purge(region);
        told.acquire();
        assertEquals(PinResult.WAS_PURGED, region.pin());
      }
    }
  }

  @Test
  void purgeOfAPartIsTold() throws Exception {
    try (PurgeWatch watch = region.onPurge(told::release)) {
      region.unpin(AshmemRegion.pageSize(), AshmemRegion.pageSize());
      AshmemRegion.purgeAllCaches();
      told.acquire();
      assertEquals(PinResult.NOT_PURGED, region.pin(0, AshmemRegion.pageSize()));
      assertEquals(PinResult.WAS_PURGED, region.pin());
    }
  }

  @Test
  @Tag("device")
  void purgeOfTheKernelIsTold() throws Exception {
    try (PurgeWatch watch = region.onPurge(told::release)) {
      region.unpin();
      Files.writeString(Path.of("/proc/sys/vm/drop_caches"), "2");
      told.acquire();
    }
  }

  @Test
  void actionMayPin() throws Exception {
    AtomicReference<PinResult> found = new AtomicReference<>();
    Runnable action =
        () -> {
          found.set(region.pin());
          told.release();
        };
    try (PurgeWatch watch = region.onPurge(action)) {
      purge(region);
      told.acquire();
      assertEquals(PinResult.WAS_PURGED, found.get());
      assertEquals(PinStatus.PINNED, region.pinStatus());
    }
  }

  @Test
  void actionMayCloseWatchAndRegion() throws Exception {
    AtomicReference<PurgeWatch> watch = new AtomicReference<>();
    Runnable action =
        () -> {
          watch.get().close();
          region.close();
          told.release();
        };
    watch.set(region.onPurge(action));
    purge(region);
    told.acquire();
    assertFalse(region.isOpen());
  }

  @Test
  void closedWatchIsNotTold() throws Exception {
    AtomicInteger first = new AtomicInteger();
    PurgeWatch watch = region.onPurge(first::incrementAndGet);
    try (PurgeWatch second = region.onPurge(told::release)) {
      watch.close();
      watch.close();
      purge(region);
      told.acquire();
      // The actions of a region run in the order of their watches.
      assertEquals(0, first.get());
    }
  }

  @Test
  void onlyTheRegionThatWasPurgedIsTold() throws Exception {
    AtomicInteger others = new AtomicInteger();
    try (AshmemRegion other = filled("other");
        PurgeWatch one = region.onPurge(told::release);
        PurgeWatch two = other.onPurge(others::incrementAndGet)) {
      purge(region);
      told.acquire();
      assertEquals(0, others.get());
      assertEquals(PinResult.WAS_PURGED, region.pin());
      purge(other);
      Await.until(() -> others.get() > 0);
    }
  }

  /** The kernel forgets the purge when it was asked through one of the objects. */
  @Test
  @Tag("device")
  void allObjectsOfARegionAreTold() throws Exception {
    AtomicInteger one = new AtomicInteger();
    AtomicInteger two = new AtomicInteger();
    try (RegionDescriptor descriptor = region.dup();
        AshmemRegion same = AshmemRegion.fromFileDescriptor(descriptor);
        PurgeWatch watchOne = region.onPurge(one::incrementAndGet);
        PurgeWatch watchTwo = same.onPurge(two::incrementAndGet)) {
      for (int round = 1; round <= 20; round++) {
        int before = one.get();
        int beforeTwo = two.get();
        purge(region);
        Await.until(() -> one.get() > before && two.get() > beforeTwo);
        assertEquals(PinResult.WAS_PURGED, same.pin());
      }
    }
  }

  /** On memfd a region that another object has is not purged, until the object is closed. */
  @Test
  void regionThatWasGivenBackIsWatched() throws Exception {
    try (PurgeWatch watch = region.onPurge(told::release)) {
      AshmemRegion.fromFileDescriptor(region.dup()).close();
      purge(region);
      told.acquire();
    }
  }

  @Test
  void actionThatFailsEndsNothing() throws Exception {
    Runnable failing =
        () -> {
          throw new IllegalStateException("of the test");
        };
    try (PurgeWatch one = region.onPurge(failing);
        PurgeWatch two = region.onPurge(told::release)) {
      for (int round = 0; round < 2; round++) {
        purge(region);
        told.acquire();
        assertEquals(PinResult.WAS_PURGED, region.pin());
      }
    }
  }

  @Test
  void closingDoesNotWaitForAnAction() throws Exception {
    CountDownLatch closed = new CountDownLatch(1);
    Runnable slow =
        () -> {
          told.release();
          try {
            closed.await();
          } catch (InterruptedException e) {
            throw new AssertionError(e);
          }
        };
    AshmemRegion other = filled("other");
    try (PurgeWatch one = region.onPurge(slow);
        PurgeWatch two = other.onPurge(told::release)) {
      purge(region);
      told.acquire();
      purge(other);
      other.close();
      region.close();
    }
    closed.countDown();
  }

  /** A watch that comes too late would keep the thread. */
  @Test
  void watchMayBeginWhileTheRegionIsClosed() throws Exception {
    for (int round = 0; round < 200; round++) {
      AshmemRegion other = AshmemRegion.create("other", SIZE);
      Thread closer = new Thread(other::close);
      closer.start();
      try {
        PurgeWatch unused = other.onPurge(told::release);
      } catch (ClosedException e) {
        // The other thread was faster.
      }
      closer.join();
    }
  }

  @Test
  void watchOfAClosedRegionIsRefused() throws Exception {
    assertThrows(NullPointerException.class, () -> region.onPurge(null));
    PurgeWatch watch = region.onPurge(told::release);
    region.close();
    assertThrows(ClosedException.class, () -> region.onPurge(told::release));
    watch.close();
  }

  @Test
  void threadEndsWithTheLastWatch() throws Exception {
    long descriptors = OpenFile.countAnonymous();
    for (int round = 0; round < 3; round++) {
      PurgeWatch one = region.onPurge(told::release);
      PurgeWatch two = region.onPurge(told::release);
      one.close();
      purge(region);
      told.acquire();
      assertEquals(1, Threads.named("ashmem-purges").size());
      two.close();
      Await.until(() -> Threads.named("ashmem-purges").isEmpty());
      assertEquals(descriptors, OpenFile.countAnonymous());
    }
  }

  @Test
  void forgottenRegionIsCollectedWithItsActions() throws Exception {
    WeakReference<AshmemRegion> forgotten = forget();
    Await.collection(() -> forgotten.get() == null && Threads.named("ashmem-purges").isEmpty());
  }

  private WeakReference<AshmemRegion> forget() {
    AshmemRegion other = filled("forgotten");
    PurgeWatch unused = other.onPurge(other::pin);
    assertEquals(1, Threads.named("ashmem-purges").size());
    return new WeakReference<>(other);
  }

  @Test
  void driverThatReportsNothingIsNamed(@TempDir Path directory) throws Exception {
    Path path = Files.createFile(directory.resolve("ordinary"));
    int fd = OpenFile.open(path);
    Descriptor descriptor = new Descriptor(fd);
    WatchedRegion ordinary = new WatchedRegion(descriptor, DeviceDriver.INSTANCE);
    PurgeWatches watches = new PurgeWatches(ordinary);
    UnsupportedOperationException e =
        assertThrows(
            UnsupportedOperationException.class, () -> ordinary.begin(fd, "test", 1, watches));
    assertTrue(e.getMessage().contains("does not report purges"), e.getMessage());
    descriptor.close();
  }
}
