// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.IntSupplier;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Calls that find the Java heap full leave nothing open, and lose no report of a purge. */
@Tag("um")
class FullHeapIT {
  private static final int PAGES = 3;
  private static final long PAGE = AshmemRegion.pageSize();

  private static AshmemRegion region() {
    return AshmemRegion.create("full heap", PAGE);
  }

  /** Requires in the child, where a failed assertion would load classes. */
  private static void require(boolean condition, String text) {
    if (!condition) {
      System.out.println(text);
      System.exit(1);
    }
  }

  /** A call that opens something. The child closes what it gets. */
  private abstract static class Opening extends FullHeap.Step {
    private static final Path DEVICE = Path.of(AshmemRegion.DEVICE);
    private static final Path MEMFD = Path.of("/memfd:full heap (deleted)");

    private AutoCloseable opened;

    abstract AutoCloseable open() throws Exception;

    @Override
    final void act() throws Exception {
      opened = open();
    }

    @Override
    void check(boolean complete) throws Exception {
      if (opened != null) {
        opened.close();
        opened = null;
      }
      long left = OpenFile.count(DEVICE) + OpenFile.count(MEMFD);
      require(left <= 1, "descriptors: " + left);
      require(Counters.regions() <= 1, "regions: " + Counters.regions());
    }
  }

  /** A call that pins a region whose pages were all purged. */
  private abstract static class Pinning extends FullHeap.Step {
    final AshmemRegion region = AshmemRegion.create("full heap", PAGES * PAGE);

    /** The number of pages that are reported. */
    long found;

    Pinning() {
      purge();
    }

    private void purge() {
      found = 0;
      region.unpin();
      require(AshmemRegion.purgeAllCaches() >= PAGES, "not purged");
    }

    @Override
    void check(boolean complete) {
      require(!complete || found == PAGES, "pages reported: " + found);
      // What was not reported is still there to report.
      for (int i = 0; i < PAGES; i++) {
        found += region.pin(i * PAGE, PAGE) == PinResult.WAS_PURGED ? 1 : 0;
      }
      require(found == PAGES, "reports lost: " + (PAGES - found));
      purge();
    }
  }

  /** A thread of the library that goes on after it found the heap full. */
  private abstract static class OtherThread extends FullHeap.Step {
    private static final int ROUNDS = 30;

    private final String name;
    private int rounds;

    OtherThread(String name) {
      this.name = name;
    }

    /** Gives the thread something to do. */
    void begin() {}

    @Override
    final void act() throws Exception {
      begin();
      Thread.sleep(5);
      if (++rounds < ROUNDS) {
        throw new OutOfMemoryError("of the test");
      }
    }

    @Override
    void check(boolean complete) throws Exception {
      require(Threads.named(name).size() == 1, name + " has ended");
    }
  }

  /** A wait for a socket. Descriptors of another kind take the place of sockets. */
  private static final class Waiting extends FullHeap.Step {
    /** The least number that Java does not box without an allocation. */
    private static final int BOXED = 128;

    private final int epoll = Shim.epoll();
    private final int ready = Shim.openWake(epoll);
    private final AtomicInteger calls = new AtomicInteger();
    private final long open;
    private volatile boolean over;

    Waiting() throws Exception {
      int fd = Shim.dup(ready);
      while (fd < BOXED) {
        fd = Shim.dup(ready);
      }
      int unused = Shim.wake(ready);
      open = OpenFile.countAnonymous();
    }

    @Override
    void act() {
      calls.set(0);
      require(wait(ready, this::second) == 0, "the wait failed");
    }

    @Override
    void check(boolean complete) throws Exception {
      // The thread ends when nothing waits.
      Await.until(() -> threads() == 0);
      require(OpenFile.countAnonymous() == open, "descriptors are left");
      int other = Shim.openWake(epoll);
      calls.set(0);
      over = false;
      Thread waiter =
          new Thread(
              () ->
                  wait(
                      other,
                      () -> {
                        calls.getAndIncrement();
                        return over ? 0 : -Errno.EAGAIN;
                      }));
      waiter.start();
      // A wait looks by itself once in a second, and begins anew. The first one starts the thread.
      int looks = 0;
      while (threads() == 0) {
        require(looks < 4, "nothing ends a wait");
        Thread.sleep(1);
        looks = calls.get();
      }
      over = true;
      int unused = Shim.wake(other);
      waiter.join();
      unused = Shim.close(other);
    }

    /** A call that succeeds after a wait. */
    private int second() {
      return calls.getAndIncrement() == 0 ? -Errno.EAGAIN : 0;
    }

    private static int wait(int fd, IntSupplier call) {
      return Poller.repeat(fd, Shim.READABLE, 0, call);
    }

    private static int threads() {
      return Threads.named("ashmem-poller").size();
    }
  }

  enum Call {
    CREATE {
      @Override
      FullHeap.Step step() {
        return new Opening() {
          @Override
          AutoCloseable open() {
            return region();
          }
        };
      }
    },
    DUP {
      @Override
      FullHeap.Step step() {
        AshmemRegion region = region();
        return new Opening() {
          @Override
          AutoCloseable open() {
            return region.dup();
          }

          @Override
          void check(boolean complete) throws Exception {
            super.check(complete);
            region.unpin();
            require(
                AshmemRegion.purgeAllCaches() >= 1, "a descriptor that is closed keeps the memory");
            PinResult unused = region.pin();
          }
        };
      }
    },
    PIN {
      @Override
      FullHeap.Step step() {
        return new Pinning() {
          @Override
          void act() {
            found = region.pin() == PinResult.WAS_PURGED ? PAGES : 0;
          }
        };
      }
    },
    SCOPE {
      @Override
      FullHeap.Step step() {
        return new Pinning() {
          private Pin scope;

          @Override
          void act() {
            scope = region.pinned();
            found = scope.wasPurged() ? PAGES : 0;
          }

          @Override
          void check(boolean complete) {
            if (scope != null) {
              scope.close();
              scope = null;
            }
            super.check(complete);
          }
        };
      }
    },
    PIN_ALL {
      @Override
      FullHeap.Step step() {
        PinRange[] pages = new PinRange[PAGES];
        for (int i = 0; i < PAGES; i++) {
          pages[i] = new PinRange(i * PAGE, PAGE);
        }
        return new Pinning() {
          private PinResults results;

          @Override
          void act() {
            results = null;
            try {
              results = region.pinAll(pages);
            } catch (AshmemException.PartlyPinned e) {
              results = e.results();
              throw new OutOfMemoryError();
            }
          }

          @Override
          void check(boolean complete) {
            found = results == null ? 0 : results.purged().size();
            super.check(complete);
          }
        };
      }
    },
    WATCH {
      @Override
      FullHeap.Step step() {
        AshmemRegion region = region();
        return new FullHeap.Step() {
          private final Semaphore told = new Semaphore(0);
          private PurgeWatch watch;

          @Override
          void act() {
            watch = region.onPurge(told::release);
          }

          @Override
          void check(boolean complete) throws Exception {
            if (complete) {
              region.unpin();
              long unused = AshmemRegion.purgeAllCaches();
              told.acquire();
              require(region.pin() == PinResult.WAS_PURGED, "told, and not purged");
            }
            if (watch != null) {
              watch.close();
              watch = null;
            }
            require(!PurgeReports.isWatched(), "the region is still registered");
          }
        };
      }
    },
    REPORTS {
      @Override
      FullHeap.Step step() {
        AshmemRegion region = region();
        Semaphore told = new Semaphore(0);
        PurgeWatch unused = region.onPurge(told::release);
        long file = region.fileId();
        return new OtherThread("ashmem-purges") {
          @Override
          void begin() {
            PurgeReports.purged(file);
          }

          @Override
          void check(boolean complete) throws Exception {
            super.check(complete);
            PinResult unused = region.pin();
            region.unpin();
            told.drainPermits();
            require(AshmemRegion.purgeAllCaches() >= 1, "not purged");
            told.acquire();
            unused = region.pin();
            region.unpin();
          }
        };
      }
    },
    WAITS {
      @Override
      FullHeap.Step step() throws Exception {
        return new Waiting();
      }
    },
    LOOKS {
      @Override
      FullHeap.Step step() throws Exception {
        AshmemRegion region =
            AshmemRegion.builder().name("full heap").size(PAGE).backend(Backend.MEMFD).create();
        region.unpin();
        Path folder = Files.createTempDirectory("ashmem");
        for (String file : List.of("memory.max", "memory.high", "memory.stat", "memory.current")) {
          folder.resolve(file).toFile().deleteOnExit();
        }
        folder.toFile().deleteOnExit();
        Files.writeString(folder.resolve("memory.max"), "10000000");
        Files.writeString(folder.resolve("memory.high"), "max");
        Files.writeString(folder.resolve("memory.stat"), "");
        Path usage = Files.writeString(folder.resolve("memory.current"), "1000000");
        PressureWatch.start(List.of(MemoryLimit.ofVersion2(folder)), List.of());
        return new OtherThread("ashmem-pressure") {
          @Override
          void check(boolean complete) throws Exception {
            super.check(complete);
            Files.writeString(usage, "9999999");
            Await.until(() -> region.pinStatus() == PinStatus.UNPINNED && purged(region));
            Files.writeString(usage, "1000000");
            region.unpin();
          }
        };
      }
    };

    private static boolean purged(AshmemRegion region) {
      boolean purged = RegionUsage.of(region).purgedBytes() > 0;
      return purged && region.pin() == PinResult.WAS_PURGED;
    }

    abstract FullHeap.Step step() throws Exception;
  }

  /** The child. */
  static final class Program {
    private Program() {}

    public static void main(String[] arguments) throws Exception {
      FullHeap.run(Call.valueOf(arguments[0]).step());
      System.out.println("done");
    }
  }

  @ParameterizedTest
  @EnumSource
  void leavesNothing(Call call) throws Exception {
    ChildJvm.Result result =
        ChildJvm.run(ChildJvm.command(FullHeap.OPTIONS, Program.class, call.name()));
    assertTrue(result.output().endsWith("done\n"), result.output());
  }
}
