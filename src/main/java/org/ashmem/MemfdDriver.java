// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.util.Arrays;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Replaces the kernel's driver on a memfd of fixed size. It keeps the pins of one region itself,
 * and purges by punching holes.
 *
 * <p>Thread-safe. The monitor of this object protects the pins of the region. The purge of a piece
 * holds the monitor from the check of the pins until the purge is recorded.
 */
final class MemfdDriver implements Driver {
  /** The maximum length of a name for memfd_create, in bytes. */
  private static final int MAX_NAME = 249;

  private static final int ALL = Shim.READ | Shim.WRITE | Shim.EXECUTE;

  /** Longer than the link in /proc of any memfd, in bytes. */
  private static final int MAX_LINK = 300;

  private static final String LINK = "/memfd:";
  private static final String LINK_END = " (deleted)";

  /**
   * A logical clock: the number of pages that were unpinned or created so far. Each unpin adds at
   * least 1.
   */
  static final AtomicLong CLOCK = new AtomicLong();

  /** The most pages that one call adds, so that the clock never overflows. */
  private static final long MOST = 1 << 15;

  private final UnpinnedRanges ranges = new UnpinnedRanges();
  private final Descriptor descriptor;
  private final String name;
  private final long size;

  /** Whether the descriptor allows writes; a descriptor that was opened read-only does not. */
  private final boolean writable;

  private int mask = ALL;

  /** The number of other holders that may have the memory. Their pins are unknown here. */
  private long others;

  /** Whether {@link Purge} has this object. */
  private boolean purgeable;

  private boolean closed;

  /** What to run when this region is closed and nobody else has the memory by it. */
  private final Runnable takenBack;

  private MemfdDriver(
      Descriptor descriptor,
      String name,
      long size,
      long others,
      boolean writable,
      Runnable takenBack) {
    this.descriptor = descriptor;
    this.name = name;
    this.size = size;
    this.others = others;
    this.writable = writable;
    this.takenBack = takenBack;
  }

  /**
   * Creates the memory of a region and returns its descriptor.
   *
   * @throws AshmemException if the kernel refuses
   */
  static int open(String name, byte[] encodedName, long size) {
    int fd = Shim.memfd(cut(encodedName));
    if (fd < 0) {
      throw AshmemException.of("memfd_create", name, -fd);
    }
    String call = "ftruncate";
    int result = Shim.resize(fd, size);
    if (result == 0) {
      call = "fcntl";
      result = Shim.seal(fd, Shim.SEAL_SHRINK | Shim.SEAL_GROW);
    }
    if (result < 0) {
      int unused = Shim.close(fd);
      throw AshmemException.of(call, name, -result);
    }
    return fd;
  }

  /** Cuts a name to the length that memfd_create takes, without splitting a character. */
  private static byte[] cut(byte[] name) {
    int length = Math.min(name.length, MAX_NAME);
    while (length > 0 && length < name.length && (name[length] & 0xC0) == 0x80) {
      length--;
    }
    return Arrays.copyOf(name, length);
  }

  /** Returns the driver of a region that this process has just created, and will fill. */
  static MemfdDriver created(Descriptor descriptor, String name, long size) {
    PressureWatch.created(tick(size), size);
    return new MemfdDriver(descriptor, name, size, 0, true, () -> {});
  }

  /** Returns whether the descriptor is a memfd whose size is sealed. */
  static boolean isRegion(int fd) {
    int fixed = Shim.SEAL_SHRINK | Shim.SEAL_GROW;
    int seals = Shim.seals(fd);
    return seals >= 0 && (seals & fixed) == fixed;
  }

  /**
   * Returns the driver of a region whose descriptor was inherited or received. The creator of the
   * memory is another holder.
   */
  static MemfdDriver adopted(
      Descriptor descriptor, int fd, String name, long size, Runnable takenBack) {
    return new MemfdDriver(descriptor, name, size, 1, Shim.isWritable(fd) == 1, takenBack);
  }

  /** Returns the name of the memfd, or an empty string. */
  static String name(int fd) {
    byte[] link = new byte[MAX_LINK];
    int length = Shim.link(fd, link);
    String target = new String(link, 0, Math.max(0, length), UTF_8);
    return target.startsWith(LINK) && target.endsWith(LINK_END)
        ? target.substring(LINK.length(), target.length() - LINK_END.length())
        : "";
  }

  private boolean isPurgeable() {
    return others == 0 && (mask & Shim.WRITE) != 0;
  }

  /** Returns the number of pages that may be purged. */
  synchronized long purgeablePages() {
    long pages = 0;
    UnpinnedRanges.Range range = isPurgeable() ? ranges.oldest() : null;
    while (range != null) {
      pages += Purge.pages(range.length());
      range = ranges.newer(range);
    }
    return pages;
  }

  /** Sets the age of the range that is next in a purge. */
  synchronized void look(Purge.Turn turn) {
    UnpinnedRanges.Range range = isPurgeable() ? ranges.oldest() : null;
    turn.age = range == null || range.age() > turn.begin ? Purge.Turn.NEVER : range.age();
  }

  /** Purges a piece of the oldest range, and looks for the next one. */
  synchronized void purge(Purge.Turn turn) {
    turn.pages = 0;
    turn.isPart = false;
    look(turn);
    UnpinnedRanges.Range range = turn.age == Purge.Turn.NEVER ? null : ranges.oldest();
    int fd = range == null ? -1 : descriptor.acquire();
    turn.age = Purge.Turn.NEVER;
    if (range == null || fd < 0) {
      return;
    }
    try {
      turn.isPart = cutPiece(fd, range);
      int result = Shim.punch(fd, range.start, range.length());
      if (result == -Errno.EPERM) {
        // A seal forbids the purge. The memory is unchanged.
        return;
      }
      // After any other result, bytes may be lost.
      turn.pages = Purge.pages(range.length());
      ranges.purged(range);
      look(turn);
    } finally {
      descriptor.release();
    }
  }

  /** Tells the region's watches that it was purged. */
  void tellPurge() {
    int fd = PurgeReports.isWatched() ? descriptor.acquire() : -1;
    if (fd >= 0) {
      try {
        PurgeReports.purged(fileId(fd));
      } finally {
        descriptor.release();
      }
    }
  }

  /**
   * Cuts a range after its first piece, unless it is one. A piece begins with any number of pages
   * without memory.
   */
  private boolean cutPiece(int fd, UnpinnedRanges.Range range) {
    long memory = Shim.nextData(fd, range.start);
    if (memory == -Errno.ENXIO) {
      // There is none up to the end of the region.
      return false;
    }
    long from = Math.max(memory, range.start);
    // Linux 5.10 finds memory everywhere in the largest files: those get larger pieces.
    long left = range.end() - from;
    long piece = Math.max(Purge.PIECE, left / 512 / Purge.PIECE * Purge.PIECE);
    if (left <= piece) {
      return false;
    }
    ranges.cut(from + piece);
    return true;
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
  public String protectionCall() {
    return "fcntl";
  }

  @Override
  public int protection(int fd) {
    int left = mask(fd);
    return writable ? left : left & ~Shim.WRITE;
  }

  /** Returns the protection mask without a check for seals of other processes. */
  private synchronized int known() {
    return writable ? mask : mask & ~Shim.WRITE;
  }

  private synchronized int mask(int fd) {
    if (isSealed(fd)) {
      // Another holder of the memory may have added the seal.
      mask &= ~Shim.WRITE;
    }
    return mask;
  }

  private static boolean isSealed(int fd) {
    return (Shim.seals(fd) & (Shim.SEAL_WRITE | Shim.SEAL_FUTURE_WRITE)) != 0;
  }

  @Override
  public synchronized int pin(int fd, long offset, long length) {
    long end = end(offset, length);
    if (!ranges.pin(offset, end)) {
      return 0;
    }
    // The caller may fill the range again.
    PressureWatch.ask(tick(end - offset));
    return 1;
  }

  @Override
  public int unpin(int fd, long offset, long length) {
    long end = end(offset, length);
    long now;
    synchronized (this) {
      if (!purgeable && !closed) {
        // Set the flag first: if add() runs out of memory, the set may still contain this object.
        purgeable = true;
        Purge.add(this);
      }
      now = tick(end - offset);
      ranges.unpin(offset, end, now);
    }
    PressureWatch.unpinned(now, this);
    return 0;
  }

  @Override
  public synchronized int pinStatus(int fd, long offset, long length) {
    return ranges.isPinned(offset, end(offset, length)) ? 1 : 0;
  }

  @Override
  public synchronized int pinMany(int fd, long[] ranges) {
    for (int i = 0; i < ranges.length; i += PinResults.WORDS) {
      try {
        ranges[i + 2] = pin(fd, ranges[i], ranges[i + 1]);
      } catch (OutOfMemoryError e) {
        // This range is as before. The results of the ranges before it must not be lost.
        ranges[i + 2] = -Errno.ENOMEM;
      }
    }
    return 0;
  }

  @Override
  public int unpinMany(int fd, long[] ranges) {
    synchronized (this) {
      for (int i = 0; i < ranges.length; i += PinResults.WORDS) {
        ranges[i + 2] = unpin(fd, ranges[i], ranges[i + 1]);
      }
    }
    PressureWatch.unpinned(CLOCK.get(), this);
    return 0;
  }

  @Override
  public synchronized int countPins(int fd, long[] bytes) {
    ranges.count(size, bytes);
    return 0;
  }

  private static long tick(long bytes) {
    return CLOCK.addAndGet(Math.min(Purge.pages(bytes), MOST));
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
    if (closed) {
      // Another thread closed the region, and then the creator may purge it.
      throw new ClosedException("region '" + name + "'");
    }
    if (ranges.anyPurged()) {
      throw new IllegalStateException(
          "a range of region '"
              + name
              + "' was purged and not pinned since, and only this object has a record of that: pin"
              + " the range before you pass the region on");
    }
    int copy = Shim.dup(fd);
    if (copy >= 0) {
      others++;
    }
    return copy;
  }

  @Override
  public synchronized void takenBack() {
    others--;
    giveBack();
  }

  /** Only the creator of the memory is left as another holder: it may purge again. */
  private void giveBack() {
    if (closed && others == 1) {
      takenBack.run();
    }
  }

  @Override
  public long map(int fd, MapMode mode, long offset, long length) {
    // For a shared mapping the kernel checks the seals. A private mapping does not use the
    // descriptor, so the seals are checked here.
    int allowed = mode.shared ? known() : mask(fd);
    if ((mode.protection & ~allowed) != 0) {
      return -Errno.EPERM;
    }
    // A private mapping must be zeros, but a private mapping of the memfd would show its bytes.
    return Shim.map(mode.shared ? fd : -1, mode.protection, mode.shared, offset, length);
  }

  @Override
  public synchronized void close() {
    if (closed) {
      return;
    }
    closed = true;
    if (purgeable) {
      Purge.remove(this);
    }
    giveBack();
  }
}
