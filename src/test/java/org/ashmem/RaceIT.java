// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.LongBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.random.RandomGenerator;
import java.util.random.RandomGeneratorFactory;
import org.ashmem.example.Pattern;
import org.junit.jupiter.api.Test;

/** Races between threads of one process. */
class RaceIT {
  private static final int PAGE = (int) AshmemRegion.pageSize();

  /** Whether regions are on the device. Only root can drop caches, which purges only these. */
  private static final boolean DEVICE =
      Backend.configured() != Backend.MEMFD && Files.exists(Path.of(AshmemRegion.DEVICE));

  /** The number of purges or closes in a race. */
  private static final int ROUNDS = 100;

  /** NOT_PURGED guarantees every byte, while other threads purge. */
  @Test
  void noByteIsLostWhileOthersPurge() throws Exception {
    int workers = 3;
    int blocksEach = 40;
    int blockSize = 2 * PAGE;
    int words = blockSize / Long.BYTES;
    AtomicBoolean over = new AtomicBoolean();
    AtomicLong pins = new AtomicLong();
    AtomicLong intact = new AtomicLong();
    AtomicLong purged = new AtomicLong();
    try (AshmemRegion region =
            AshmemRegion.create("race", (long) workers * blocksEach * blockSize);
        Mapping mapping = region.map()) {
      List<Callable<Void>> tasks = new ArrayList<>();
      for (int worker = 0; worker < workers; worker++) {
        int first = worker * blocksEach;
        tasks.add(
            () -> {
              RandomGenerator random = RandomGeneratorFactory.of("L64X128MixRandom").create(first);
              LongBuffer all = mapping.buffer().order(ByteOrder.nativeOrder()).asLongBuffer();
              long[] generation = new long[blocksEach];
              for (int i = 0; i < blocksEach; i++) {
                Pattern.fill(all.slice((first + i) * words, words), (long) (first + i) * words);
                region.unpin((long) (first + i) * blockSize, blockSize);
              }
              while (!over.get()) {
                // Several adjacent blocks at once, so that ranges are split and merged.
                int from = random.nextInt(blocksEach);
                int count = 1 + random.nextInt(Math.min(3, blocksEach - from));
                long offset = (long) (first + from) * blockSize;
                PinResult result = region.pin(offset, (long) count * blockSize);
                for (int i = from; i < from + count; i++) {
                  LongBuffer block = all.slice((first + i) * words, words);
                  long seed = (generation[i] << 32) + (long) (first + i) * words;
                  if (result == PinResult.NOT_PURGED) {
                    assertEquals(-1, Pattern.mismatch(block, seed), "block " + i);
                    intact.incrementAndGet();
                  } else {
                    purged.incrementAndGet();
                  }
                  // New content each time, so that the return of an old page is found.
                  generation[i]++;
                  Pattern.fill(block, (generation[i] << 32) + (long) (first + i) * words);
                }
                region.unpin(offset, (long) count * blockSize);
                pins.incrementAndGet();
              }
              return null;
            });
      }
      tasks.add(
          () -> {
            for (int round = 0; round < ROUNDS && !over.get(); round++) {
              if (round % 2 == 0 || !DEVICE) {
                AshmemRegion.purgeAllCaches();
              } else {
                Files.writeString(Path.of("/proc/sys/vm/drop_caches"), "2");
              }
              waitForMore(40, pins, over);
            }
            over.set(true);
            return null;
          });
      runAll(tasks, over);
    }
    assertTrue(intact.get() > 0, "no block was found intact");
    assertTrue(purged.get() > 0, "no block was found purged");
  }

  /** Calls work or throw ClosedException. None reaches the file that reuses the number. */
  @Test
  void closeAgainstEveryOtherCall() throws Exception {
    int users = 2;
    CyclicBarrier barrier = new CyclicBarrier(users + 1);
    AtomicBoolean over = new AtomicBoolean();
    AtomicLong calls = new AtomicLong();
    AshmemRegion[] current = new AshmemRegion[1];
    List<Callable<Void>> tasks = new ArrayList<>();
    for (int user = 0; user < users; user++) {
      tasks.add(
          () -> {
            while (true) {
              barrier.await();
              if (over.get()) {
                return null;
              }
              AshmemRegion region = current[0];
              assertThrows(
                  ClosedException.class,
                  () -> {
                    while (true) {
                      region.unpin(0, PAGE);
                      region.pin(0, PAGE);
                      calls.incrementAndGet();
                      try (Mapping mapping = region.map(PAGE, PAGE)) {
                        assertEquals(PAGE, mapping.length());
                      }
                      calls.incrementAndGet();
                      region.pinStatus();
                      region.setProtection(region.protection());
                      region.fileId();
                      if (DEVICE) {
                        // On memfd, a region with a duplicate is no longer purged.
                        region.dup().close();
                      }
                      calls.incrementAndGet();
                    }
                  });
              barrier.await();
            }
          });
    }
    tasks.add(
        () -> {
          for (int round = 0; round < ROUNDS; round++) {
            current[0] = AshmemRegion.create("closed", 2L * PAGE);
            barrier.await();
            waitForMore(round % 5, calls, over);
            current[0].close();
            int other = other();
            barrier.await();
            assertEquals(0, DEVICE ? Shim.size(other) : Shim.fileSize(other) + Shim.seals(other));
            assertEquals(0, Shim.close(other));
          }
          over.set(true);
          barrier.await();
          return null;
        });
    tasks.add(
        () -> {
          while (!over.get()) {
            AshmemRegion.purgeAllCaches();
            Thread.sleep(1);
          }
          return null;
        });
    runAll(tasks, over);
    assertTrue(calls.get() > 0, "no call succeeded");
  }

  /**
   * Opens the file that reuses the number of a closed region. It has no size, so it refuses each
   * call with an error other than ClosedException.
   */
  private static int other() {
    return DEVICE ? OpenFile.open(Path.of(AshmemRegion.DEVICE)) : Shim.memfd(new byte[0]);
  }

  /**
   * A thread may use a buffer while another closes its mapping. The JVM survives, and nothing is
   * written to the region after the close.
   */
  @Test
  void closeOfAMappingAgainstItsBuffers() throws Exception {
    AtomicBoolean over = new AtomicBoolean();
    AtomicLong turns = new AtomicLong();
    AtomicLong accesses = new AtomicLong();
    ByteBuffer[] current = new ByteBuffer[1];
    try (AshmemRegion region = AshmemRegion.create("mapping", 16L * PAGE);
        Mapping witness = region.map()) {
      current[0] = witness.buffer();
      Callable<Void> reader =
          () -> {
            while (!over.get()) {
              ByteBuffer buffer;
              synchronized (current) {
                buffer = current[0];
              }
              try {
                for (int offset = 0; offset < buffer.capacity(); offset += PAGE) {
                  buffer.putLong(offset + 8, 3);
                  long found = buffer.getLong(offset);
                  assertTrue(found == 0 || found == offset + 1, () -> "found " + found);
                  accesses.incrementAndGet();
                }
              } catch (IllegalStateException e) {
                if (!Views.end()) {
                  throw e;
                }
              }
              turns.incrementAndGet();
            }
            return null;
          };
      Callable<Void> closer =
          () -> {
            for (int round = 0; round < ROUNDS; round++) {
              try (Mapping mapping = region.map()) {
                for (int offset = 0; offset < mapping.length(); offset += PAGE) {
                  mapping.buffer().putLong(offset, offset + 1);
                }
                synchronized (current) {
                  current[0] = mapping.buffer();
                }
                waitForMore(4, turns, over);
              }
              waitForMore(4, turns, over);
            }
            over.set(true);
            return null;
          };
      runAll(List.of(reader, reader, closer), over);
      for (int offset = 0; offset < witness.length(); offset += PAGE) {
        assertEquals(offset + 1, witness.buffer().getLong(offset));
      }
    }
    assertTrue(accesses.get() > 0, "no access was made");
  }

  /** Four threads pin a page each with scopes: each page is unpinned at the end. */
  @Test
  void scopesOfManyThreads() throws Exception {
    AtomicBoolean over = new AtomicBoolean();
    try (AshmemRegion region = AshmemRegion.create("scopes", 4L * PAGE)) {
      List<Callable<Void>> tasks = new ArrayList<>();
      for (int thread = 0; thread < 4; thread++) {
        long offset = (long) thread * PAGE;
        tasks.add(
            () -> {
              for (int i = 0; i < 2000; i++) {
                try (Pin pin = region.pinned(offset, PAGE)) {
                  assertEquals(PinStatus.PINNED, region.pinStatus(offset, PAGE));
                  assertEquals(PinResult.NOT_PURGED, pin.result());
                }
              }
              return null;
            });
      }
      runAll(tasks, over);
      for (int thread = 0; thread < 4; thread++) {
        assertEquals(PinStatus.UNPINNED, region.pinStatus((long) thread * PAGE, PAGE));
      }
    }
  }

  /** Returns when a counter has grown by a number, or when the race is over. */
  private static void waitForMore(long more, AtomicLong counter, AtomicBoolean over)
      throws InterruptedException {
    long end = counter.get() + more;
    while (counter.get() < end && !over.get()) {
      Thread.sleep(0, 50_000);
    }
  }

  /** Runs all tasks at the same time. A failure ends the other tasks and is thrown. */
  private static void runAll(List<Callable<Void>> tasks, AtomicBoolean over) throws Exception {
    ExecutorService threads = Executors.newFixedThreadPool(tasks.size());
    try {
      List<Future<Void>> results = new ArrayList<>();
      for (Callable<Void> task : tasks) {
        results.add(
            threads.submit(
                () -> {
                  try {
                    return task.call();
                  } catch (Throwable e) {
                    over.set(true);
                    threads.shutdownNow();
                    throw e;
                  }
                }));
      }
      for (Future<Void> result : results) {
        result.get();
      }
    } finally {
      over.set(true);
      threads.shutdownNow();
      assertTrue(threads.awaitTermination(5, TimeUnit.MINUTES), "a thread did not end");
    }
  }
}
