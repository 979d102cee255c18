// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

import java.lang.ref.Reference;
import java.nio.ByteBuffer;
import java.util.Optional;
import java.util.concurrent.locks.StampedLock;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.commons.lang3.Validate;
import org.jspecify.annotations.Nullable;

/**
 * Private memory of this process that the kernel takes back when memory is short, on any Linux from
 * 4.12, without a device and without rights. It uses madvise(2) with {@code MADV_FREE}.
 *
 * <p>All pages of new memory are zeros and ordinary: the kernel keeps what is written to them.
 * After {@link #unpin}, the kernel may take pages of the range whenever the machine or a cgroup of
 * the process is short of memory, before it kills anybody. Each page is taken on its own and whole.
 * A page that was taken reads as zeros; no other bytes are ever read than those that were written
 * last, or zeros. A write to a page, also by the system call of a channel, makes it ordinary again:
 * it is not taken until it is unpinned once more. If it was taken before the write, its other bytes
 * are zeros.
 *
 * <p>No call tells whether a page was taken. Its content must tell: write a word that is not zero
 * to each page before unpinning it. While a reader finds that word both before and after it copies
 * the page, with the fences that order these reads, the copy is intact. An atomic compare-and-set
 * of the word to another value that is not zero pins the page: if it succeeds, all bytes are intact
 * and stay. A load followed by a plain store does not pin: the page may be taken in between.
 *
 * <p>What else to know:
 *
 * <ul>
 *   <li>The resident set of the process (RSS) and the usage of its cgroup do not fall at {@link
 *       #unpin}, only when the kernel takes pages. {@code memory.stat} counts unpinned pages as
 *       {@code inactive_file}, so that the working set that Kubernetes shows falls. {@link
 *       #discard} gives pages back immediately.
 *   <li>The kernel prefers pages that were not read lately. A page that is in swap when it is
 *       unpinned is taken immediately.
 *   <li>One call for a large range costs far less than many calls for its pages.
 *   <li>The memory never has huge pages, whatever the system's settings are: with huge pages, one
 *       ordinary page would keep 2 MiB.
 *   <li>The kernel takes no locked memory. In a process that called mlockall(2), as some servers
 *       do, {@link #create} or {@link #unpin} throws an exception with the error EINVAL.
 *   <li>Nothing is reserved: creating memory succeeds beyond the free memory, unless the sysctl
 *       {@code vm.overcommit_memory} is 2 or address space is limited. Pages take memory when they
 *       are written. A page that was only read is the kernel's page of zeros.
 *   <li>A child that the process forks does not have this memory: an access there ends the child
 *       with SIGSEGV ({@code MADV_DONTFORK}). If both had the pages, the kernel would take none of
 *       them as long as the child lives. Children of {@link ProcessBuilder} execute a program at
 *       once, and notice nothing.
 * </ul>
 *
 * <p>After {@link #close}, a buffer that was taken earlier throws IllegalStateException. Before
 * Java 22 it cannot throw: it reads zeros, or the bytes that were written to it after the close, as
 * with a {@link Mapping}. The address space is freed when the last buffer becomes unreachable, or
 * by the close if there was no buffer. Memory that was not closed is freed, and reported as a leak,
 * when neither it nor any of its buffers is reachable.
 *
 * <p>Thread-safe. A call beside a close in another thread either succeeds or throws {@link
 * ClosedException}. A {@link ByteBuffer} is not thread-safe: each thread should take its own.
 */
public final class LazyMemory implements AutoCloseable {
  /** What messages call the memory. */
  static final String NAME = "lazy memory";

  /** The length of the longest buffer that Java makes of a segment. */
  private static final int MAX_LENGTH = Integer.MAX_VALUE - 8;

  /** Before, the kernel took unpinned pages immediately if the machine had no swap. */
  private static final int MAJOR = 4;

  private static final int MINOR = 12;

  private static final Pattern RELEASE = Pattern.compile("(\\d+)\\.(\\d+).*");

  private final long length;
  private final long address;
  private final Lifetime lifetime;

  /**
   * Calls hold it for reading, so that the address stays mapped. Close holds it for writing. Unlike
   * the other lock of the JDK, this one allocates nothing.
   */
  private final StampedLock lock = new StampedLock();

  /** Whether a close waits for the lock. New readers would pass it by, for as long as they come. */
  private volatile boolean closing;

  /** Null after close. Changed under the lock. */
  private volatile @Nullable Memory memory;

  private LazyMemory(long length) {
    this.length = length;
    this.lifetime = Lifetime.ofLazyMemory(length);
    Unmapping unmapping = new Unmapping(length, lifetime::end);
    this.address = Mapping.map(NAME, () -> Shim.mapLazily(length));
    unmapping.mapped(address);
    try {
      prepare(address, length);
      this.memory = Memory.of(AshmemRegion.CLEANER, 0, length, unmapping);
    } catch (Throwable e) {
      boolean unused = unmapping.unmap();
      throw e;
    }
    lifetime.begin();
  }

  /** Keeps it from children, forbids huge pages, and tries what {@link #unpin} will do. */
  private static void prepare(long address, long length) {
    prepare(address, length, Shim.NOT_IN_CHILDREN, 0);
    // A kernel without huge pages does not know this advice.
    prepare(address, length, Shim.NO_HUGE_PAGES, -Errno.EINVAL);
    prepare(address, length, Shim.FREE, 0);
  }

  /** Gives advice. An accepted error is none. */
  private static void prepare(long address, long length, int advice, int accepted) {
    int result = Shim.advise(address, length, advice);
    if (result != accepted) {
      int unused = AshmemException.check("madvise", NAME, result);
    }
  }

  /**
   * Returns whether lazy memory can be created here.
   *
   * @return false if {@link #unavailabilityCause} has a reason
   */
  public static boolean isAvailable() {
    return unavailabilityCause().isEmpty();
  }

  /**
   * Returns why no lazy memory can be created here. It tries that each time, with one page.
   *
   * @return an {@link UnsatisfiedLinkError} if the native library cannot be loaded, an {@link
   *     UnsupportedOperationException} if the kernel is older than 4.12, an {@link AshmemException}
   *     if the kernel or a sandbox refuses, or if the process locks its memory; empty if lazy
   *     memory can be created
   */
  public static Optional<Throwable> unavailabilityCause() {
    try (LazyMemory page = create(1)) {
      page.buffer().put(0, (byte) 1);
      page.unpin(0, 1);
      return Optional.empty();
    } catch (AshmemException | UnsatisfiedLinkError | UnsupportedOperationException e) {
      return Optional.of(e);
    }
  }

  /**
   * Creates memory of zeros.
   *
   * @param length the length in bytes, from 1 to 2147483639; the kernel rounds it up to whole pages
   * @return new memory, which takes no pages until they are written
   * @throws IllegalArgumentException if the length is not as above
   * @throws UnsupportedOperationException if the kernel is older than 4.12
   * @throws AshmemException.OutOfMemory if there is no room for the mapping
   * @throws AshmemException if the process locks its memory, or the kernel or a sandbox refuses
   */
  public static LazyMemory create(long length) {
    Validate.isTrue(
        length >= 1 && length <= MAX_LENGTH,
        "lazy memory has 1 to 2147483639 bytes, not %s",
        length);
    requireKernel(System.getProperty("os.version", ""));
    return new LazyMemory(length);
  }

  /** Throws if a kernel's release is too old. */
  static void requireKernel(String release) {
    Matcher numbers = RELEASE.matcher(release);
    if (numbers.matches()) {
      int major = Integer.parseInt(numbers.group(1));
      int minor = Integer.parseInt(numbers.group(2));
      if (major < MAJOR || (major == MAJOR && minor < MINOR)) {
        throw new UnsupportedOperationException(
            "lazy memory needs Linux 4.12 or newer, and this is "
                + release
                + ": without swap, older kernels take unpinned pages immediately (MADV_FREE)."
                + " Update the kernel, or use AshmemRegion, which works here on memfd");
      }
    }
  }

  /**
   * Returns the length.
   *
   * @return the length in bytes, from 1 to 2147483639, as {@link #create} got it
   */
  public long length() {
    return length;
  }

  /**
   * Returns a new view of all bytes, with position 0 and limit {@link #length()}. Like every new
   * buffer it is big-endian.
   *
   * @return a direct buffer
   * @throws ClosedException if the memory is closed
   */
  public ByteBuffer buffer() {
    Memory held = memory;
    ByteBuffer buffer = held == null ? null : held.buffer();
    if (buffer == null) {
      throw new ClosedException(toString());
    }
    return buffer;
  }

  /**
   * Unpins a range. From now on the kernel may take its pages, until they are written again.
   *
   * @param offset the start of the range in bytes, a multiple of {@link AshmemRegion#pageSize()}
   * @param length the length of the range in bytes, greater than 0; a multiple of the page size,
   *     unless the range ends where the memory ends
   * @throws IllegalArgumentException if the range is not as above, or not within the memory
   * @throws ClosedException if the memory is closed
   * @throws AshmemException if the memory is locked (mlockall), or the kernel or a sandbox refuses
   */
  public void unpin(long offset, long length) {
    advise(offset, length, Shim.FREE);
  }

  /**
   * Gives the pages of a range back to the kernel immediately. They read as zeros then.
   *
   * @param offset the start of the range in bytes, a multiple of {@link AshmemRegion#pageSize()}
   * @param length the length of the range in bytes, greater than 0; a multiple of the page size,
   *     unless the range ends where the memory ends
   * @throws IllegalArgumentException if the range is not as above, or not within the memory
   * @throws ClosedException if the memory is closed
   * @throws AshmemException if the memory is locked (mlockall), or the kernel or a sandbox refuses
   */
  public void discard(long offset, long length) {
    advise(offset, length, Shim.DROP);
  }

  /**
   * Requests that the kernel reclaims a range. It then takes the unpinned pages, or most of them.
   * Needs Linux 5.4.
   */
  void pageOut(long offset, long length) {
    advise(offset, length, Shim.PAGE_OUT);
  }

  private void advise(long offset, long length, int advice) {
    long unused = PinRange.length(offset, length, this.length, AshmemRegion.pageSize());
    long stamp = begin();
    try {
      int result = Shim.advise(address + offset, length, advice);
      int unusedToo = AshmemException.check("madvise", NAME, result);
    } finally {
      lock.unlockRead(stamp);
      // Without this the cleaner could unmap the memory before the call.
      Reference.reachabilityFence(this);
    }
  }

  /**
   * Returns how much of the memory is in RAM. That includes unpinned pages that were not taken yet,
   * and pages that were only read.
   *
   * @return a number of whole pages, in bytes; out of date when this method returns
   * @throws ClosedException if the memory is closed
   * @throws AshmemException if the kernel or a sandbox refuses
   */
  public long residentBytes() {
    long stamp = begin();
    try {
      return AshmemRegion.pageSize()
          * AshmemException.check("mincore", NAME, Shim.residentMapped(address, length));
    } finally {
      lock.unlockRead(stamp);
      // Without this the cleaner could unmap the memory before the call.
      Reference.reachabilityFence(this);
    }
  }

  /** Takes the lock for a call. */
  private long begin() {
    if (closing) {
      awaitClose();
    }
    long stamp = lock.readLock();
    if (memory == null) {
      lock.unlockRead(stamp);
      throw new ClosedException(toString());
    }
    return stamp;
  }

  /** Returns when no close is in progress: it holds the monitor. */
  private synchronized void awaitClose() {}

  /**
   * Returns whether the memory is open.
   *
   * @return false after {@link #close} succeeded
   */
  public boolean isOpen() {
    return memory != null;
  }

  /**
   * Gives all memory back, after the calls in progress in other threads. A second call is a no-op.
   *
   * @throws AshmemException if the kernel has no memory for the operation; the memory then stays
   *     open
   * @throws IllegalStateException from Java 22 on, if a call in progress uses a buffer of the
   *     memory, such as the read of a channel; the memory then stays open
   */
  @Override
  public synchronized void close() {
    closing = true;
    long stamp = lock.writeLock();
    try {
      Memory held = memory;
      if (held == null) {
        return;
      }
      Events.CloseEvent event = Events.close(lifetime);
      int unused = AshmemException.check("mmap", NAME, held.close());
      memory = null;
      boolean unusedToo = lifetime.close();
      Events.closed(event);
    } finally {
      closing = false;
      lock.unlockWrite(stamp);
      // Without this the cleaner could run first and report a leak.
      Reference.reachabilityFence(this);
    }
  }

  @Override
  public String toString() {
    return NAME + " of " + length + " bytes";
  }
}
