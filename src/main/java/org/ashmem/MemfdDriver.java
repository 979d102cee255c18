// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;

/**
 * A stand-in for the driver, on a memfd of fixed size: it keeps the pins of one region itself, and
 * purges by punching holes.
 *
 * <p>Safe for use by many threads: a region's pins are under its monitor, and so is a purge, from
 * the look at the pins to the note of what was purged.
 */
final class MemfdDriver implements Driver {
  /** The longest name that memfd_create takes, in bytes. */
  private static final int MAX_NAME = 249;

  private static final int ALL = Shim.READ | Shim.WRITE | Shim.EXECUTE;

  private static final String LINK = "/memfd:";
  private static final String LINK_END = " (deleted)";

  /** The regions of this process that may be purged. */
  private static final Set<MemfdDriver> PURGEABLE = ConcurrentHashMap.newKeySet();

  /** The time, as far as unpinning goes. */
  private static final AtomicLong CLOCK = new AtomicLong();

  private final UnpinnedRanges ranges = new UnpinnedRanges();
  private final Descriptor descriptor;
  private final long size;
  private int mask = ALL;

  /** Others may have the memory, with pins of which nothing is known here. */
  private boolean shared;

  private MemfdDriver(Descriptor descriptor, long size, boolean shared) {
    this.descriptor = descriptor;
    this.size = size;
    this.shared = shared;
  }

  /** Makes the memory of a region: a descriptor, or the negated errno. */
  static int open(byte[] name, long size) {
    int fd = Shim.memfd(Arrays.copyOf(name, Math.min(name.length, MAX_NAME)));
    if (fd < 0) {
      return fd;
    }
    int result = Shim.resize(fd, size);
    if (result == 0) {
      result = Shim.seal(fd, Shim.SEAL_SHRINK | Shim.SEAL_GROW);
    }
    if (result < 0) {
      int unused = Shim.close(fd);
      return result;
    }
    return fd;
  }

  /** The driver of a region that was just made. */
  static MemfdDriver created(Descriptor descriptor, long size) {
    MemfdDriver driver = new MemfdDriver(descriptor, size, false);
    PURGEABLE.add(driver);
    PressureWatch.startIfWanted();
    return driver;
  }

  /** Tells whether a descriptor is memory whose size nobody can change. */
  static boolean isRegion(int fd) {
    int fixed = Shim.SEAL_SHRINK | Shim.SEAL_GROW;
    int seals = Shim.seals(fd);
    return seals >= 0 && (seals & fixed) == fixed;
  }

  /** The driver of a region that came from elsewhere. */
  static MemfdDriver adopted(Descriptor descriptor, long size) {
    return new MemfdDriver(descriptor, size, true);
  }

  /** The name that the memory got, or nothing. */
  static String name(int fd) {
    String link;
    try {
      link = Files.readSymbolicLink(Path.of("/proc/self/fd", Integer.toString(fd))).toString();
    } catch (IOException e) {
      return "";
    }
    return link.startsWith(LINK) && link.endsWith(LINK_END)
        ? link.substring(LINK.length(), link.length() - LINK_END.length())
        : "";
  }

  /** Purges what is unpinned, in all regions of this process, and returns how many pages. */
  static long purgeAll() {
    return purge(Long.MAX_VALUE);
  }

  /** Purges the longest unpinned half of what is, and returns how many pages. */
  static long purgeHalf() {
    long bytes = 0;
    for (MemfdDriver driver : PURGEABLE) {
      for (Candidate each : driver.candidates()) {
        bytes += each.length;
      }
    }
    return purge((bytes + 1) / 2);
  }

  private static long purge(long wanted) {
    List<Candidate> candidates = new ArrayList<>();
    for (MemfdDriver driver : PURGEABLE) {
      candidates.addAll(driver.candidates());
    }
    candidates.sort(Comparator.comparingLong(each -> each.age));
    long purged = 0;
    for (Candidate each : candidates) {
      if (purged >= wanted) {
        break;
      }
      purged += each.driver.purge(each);
    }
    return purged / AshmemRegion.pageSize();
  }

  /** A range as it was when it was looked at. */
  private record Candidate(MemfdDriver driver, long age, long start, long length) {}

  private synchronized List<Candidate> candidates() {
    List<Candidate> candidates = new ArrayList<>();
    if (!shared && (mask & Shim.WRITE) != 0) {
      for (UnpinnedRanges.Range range : ranges.purgeable()) {
        candidates.add(new Candidate(this, range.age(), range.start, range.length()));
      }
    }
    return candidates;
  }

  /** Purges what is left of a candidate, and returns how many bytes of whole pages. */
  private synchronized long purge(Candidate candidate) {
    if (shared) {
      return 0;
    }
    int fd = descriptor.acquire();
    if (fd < 0) {
      return 0;
    }
    try {
      UnpinnedRanges.Range range = ranges.startingAt(candidate.start);
      if (range == null || range.age() != candidate.age) {
        // It was pinned since.
        return 0;
      }
      int result = Shim.punch(fd, range.start, range.length());
      if (result == -Errno.EPERM) {
        // A seal, and nothing was done.
        return 0;
      }
      // Whatever else it says, bytes may be gone.
      ranges.purged(range);
      return pages(range.length());
    } finally {
      descriptor.release();
    }
  }

  private static long pages(long bytes) {
    long page = AshmemRegion.pageSize();
    return (bytes + page - 1) / page * page;
  }

  @Override
  public Backend backend() {
    return Backend.MEMFD;
  }

  @Override
  public synchronized int setProtection(int fd, int wanted) {
    int now = protection(fd);
    if ((wanted & ~now) != 0) {
      return -Errno.EINVAL;
    }
    if ((now & ~wanted & Shim.WRITE) != 0) {
      int result = Shim.seal(fd, Shim.SEAL_FUTURE_WRITE);
      if (result < 0) {
        return result;
      }
    }
    mask = wanted;
    return 0;
  }

  @Override
  public synchronized int protection(int fd) {
    if (isSealed(fd)) {
      // By whoever else has the memory.
      mask &= ~Shim.WRITE;
    }
    return mask;
  }

  private static boolean isSealed(int fd) {
    return (Shim.seals(fd) & (Shim.SEAL_WRITE | Shim.SEAL_FUTURE_WRITE)) != 0;
  }

  @Override
  public synchronized int pin(int fd, long offset, long length) {
    return ranges.pin(offset, end(offset, length)) ? 1 : 0;
  }

  @Override
  public synchronized int unpin(int fd, long offset, long length) {
    ranges.unpin(offset, end(offset, length), CLOCK.incrementAndGet());
    return 0;
  }

  @Override
  public synchronized int pinStatus(int fd, long offset, long length) {
    return ranges.isPinned(offset, end(offset, length)) ? 1 : 0;
  }

  private long end(long offset, long length) {
    return length == 0 ? size : offset + length;
  }

  @Override
  public long fileId(int fd) {
    return Shim.inode(fd);
  }

  @Override
  public synchronized int dup(int fd) {
    int copy = Shim.dup(fd);
    if (copy >= 0) {
      shared = true;
      PURGEABLE.remove(this);
    }
    return copy;
  }

  @Override
  public long map(int fd, MapMode mode, long offset, long length) {
    if ((mode.protection & ~protection(fd)) != 0) {
      return -Errno.EPERM;
    }
    // A private mapping of a memfd would show its bytes.
    return Shim.map(mode.shared ? fd : -1, mode.protection, mode.shared, offset, length);
  }

  @Override
  public void close() {
    PURGEABLE.remove(this);
  }
}
