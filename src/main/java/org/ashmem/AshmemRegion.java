// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.lang.ref.Cleaner;
import java.lang.ref.Reference;
import java.util.EnumSet;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;

/**
 * Anonymous shared memory whose unpinned pages the kernel may take back.
 *
 * <p>All pages are pinned at first. Pins are not counted: {@link #unpin} undoes any number of
 * {@link #pin}, whoever shares the region. The kernel purges unpinned pages when memory is short,
 * the least recently unpinned first.
 *
 * <p>A region that is no longer reachable is closed by itself, which is reported as a leak ({@code
 * org.ashmem.leaks}). Its mappings do not depend on it.
 *
 * <p>Safe for use by many threads. While one closes the region, each call of another either works
 * or throws {@link ClosedException}; none reaches a file that the process opened since.
 */
public final class AshmemRegion implements AutoCloseable {
  /** The device that gives regions. */
  static final String DEVICE = "/dev/ashmem";

  /** The longest name, in bytes of UTF-8. */
  static final int MAX_NAME = 255;

  private static final String UNNAMED = "dev/ashmem";

  static final Cleaner CLEANER = Cleaner.create();

  private static final System.Logger LOG = System.getLogger("org.ashmem");

  /** Whether it was said on which backend regions are that did not choose one. */
  private static final AtomicBoolean TOLD = new AtomicBoolean();

  private final Descriptor descriptor;
  private final Driver driver;
  private final Lifetime lifetime;
  private final Cleaner.Cleanable cleanable;
  private final String name;
  private final long size;

  /** Takes over the descriptor of a region of the device, whose name and size are fixed. */
  AshmemRegion(int fd, String name, long size) {
    this(new Descriptor(fd), DeviceDriver.INSTANCE, name, size);
  }

  private AshmemRegion(Descriptor owned, Driver driver, String name, long size) {
    this.descriptor = owned;
    this.driver = driver;
    this.lifetime = Lifetime.ofRegion(name, size);
    this.name = name;
    this.size = size;
    lifetime.begin();
    // At the end: if anything is thrown, the descriptor is still the caller's to close.
    this.cleanable = CLEANER.register(this, new Closing(driver, owned, lifetime));
  }

  /**
   * Creates a region that may be read, written and executed.
   *
   * @param name what to show in {@code /proc/PID/maps}: 1 to 255 bytes of UTF-8, without NUL
   * @param size the size in bytes, greater than 0
   * @return a new region, all of it zeros and pinned
   * @throws IllegalArgumentException if the name or the size is not as above
   * @throws AshmemException.DeviceMissing if there is no device, and the system property {@code
   *     org.ashmem.backend} asks for it
   * @throws AshmemException if the kernel refuses
   */
  public static AshmemRegion create(String name, long size) {
    return builder().name(name).size(size).create();
  }

  /**
   * Begins a region with more choices.
   *
   * @return a builder without a name and without a size
   */
  public static Builder builder() {
    return new Builder();
  }

  /**
   * Takes over a descriptor that was inherited or received, and closes it with the region. The
   * region's name and size cannot be changed any more by anyone from then on.
   *
   * @param fd the number of an open descriptor; left alone if this method throws
   * @return the region that the descriptor shares with others
   * @throws IllegalArgumentException if the number is negative
   * @throws AshmemException.NotRegion if the descriptor is not open, is not a region, is a region
   *     without a size, or a memfd whose size is not sealed
   * @throws AshmemException if the kernel refuses
   */
  public static AshmemRegion fromFileDescriptor(int fd) {
    if (fd < 0) {
      throw new IllegalArgumentException("descriptor " + fd + " is negative");
    }
    if (MemfdDriver.isRegion(fd)) {
      return fromMemfd(fd);
    }
    requireRegion(fd, "statx", Shim.probe(fd));
    long size = requireRegion(fd, "ASHMEM_GET_SIZE", Shim.size(fd));
    if (size == 0) {
      throw new AshmemException.NotRegion(
          fd, "ASHMEM_GET_SIZE", Errno.EINVAL, "the region was not given a size yet");
    }
    String name = name(fd);
    check("mmap", name, Shim.back(fd));
    // Asked again, for from here on nobody can change them.
    size = check("ASHMEM_GET_SIZE", name, Shim.size(fd));
    return new AshmemRegion(fd, name(fd), size);
  }

  private static AshmemRegion fromMemfd(int fd) {
    String given = MemfdDriver.name(fd);
    String name = given.isEmpty() ? UNNAMED : given;
    long size = check("statx", name, Shim.fileSize(fd));
    if (size == 0) {
      throw new AshmemException.NotRegion(fd, "statx", Errno.EINVAL, "the memfd has no bytes");
    }
    Descriptor descriptor = new Descriptor(fd);
    return new AshmemRegion(
        descriptor, MemfdDriver.adopted(descriptor, fd, name, size), name, size);
  }

  /**
   * Asks for a purge of every unpinned page: on the device, of every region on the machine; on
   * memfd, of the regions that this process created and did not hand on. Which, {@link
   * Backend#configured} says; {@link Backend#AUTO} asks both, as far as they are there.
   *
   * @return how many pages were unpinned and not purged yet
   * @throws AshmemException.PermissionDenied on the device without the capability {@code
   *     CAP_SYS_ADMIN}
   * @throws AshmemException.DeviceMissing if the backend is {@link Backend#DEVICE} and there is no
   *     device
   * @throws AshmemException if the kernel refuses
   */
  public static long purgeAllCaches() {
    Backend backend = Backend.configured();
    long pages = backend == Backend.DEVICE ? 0 : MemfdDriver.purgeAll();
    if (backend == Backend.MEMFD) {
      return pages;
    }
    int fd = openDevice(backend);
    if (fd < 0) {
      return pages;
    }
    try {
      return pages + check("ASHMEM_PURGE_ALL_CACHES", DEVICE, Shim.purgeAllCaches(fd));
    } finally {
      int unused = Shim.close(fd);
    }
  }

  /**
   * Returns the size of a page, the unit in which memory is pinned and purged.
   *
   * @return the size in bytes, a power of two
   */
  public static long pageSize() {
    return Page.SIZE;
  }

  /**
   * Returns the region's name.
   *
   * @return the name; {@code dev/ashmem} if it was given none
   */
  public String name() {
    return name;
  }

  /**
   * Returns the region's size.
   *
   * @return the size in bytes, as it was given, greater than 0
   */
  public long size() {
    return size;
  }

  /**
   * Returns what the region's memory is from.
   *
   * @return {@link Backend#DEVICE} or {@link Backend#MEMFD}
   */
  public Backend backend() {
    return driver.backend();
  }

  /**
   * Asks what new mappings may do.
   *
   * @return a set that cannot be modified
   * @throws ClosedException if the region is closed
   */
  public Set<Protection> protection() {
    int fd = acquire();
    try {
      return Protection.of(check("ASHMEM_GET_PROT_MASK", name, driver.protection(fd)));
    } finally {
      release();
    }
  }

  /**
   * Takes from new mappings, in every process that shares the region, what is not in the set. What
   * was taken cannot be given back. Mappings that exist keep what they have.
   *
   * <p>In a process with the personality {@code READ_IMPLIES_EXEC}, {@link Protection#READ} keeps
   * {@link Protection#EXECUTE} too.
   *
   * @param protection what to keep, a subset of {@link #protection()}
   * @throws IllegalArgumentException if the set has what was taken before; nothing is changed then
   * @throws ClosedException if the region is closed
   * @throws AshmemException if the kernel refuses
   */
  public void setProtection(Set<Protection> protection) {
    int mask = Protection.mask(protection);
    int fd = acquire();
    try {
      setProtection(driver, fd, name, mask);
    } finally {
      release();
    }
  }

  /**
   * Maps the whole region: to read and write, or to read only if its protection lacks {@link
   * Protection#WRITE}.
   *
   * @return a new mapping
   * @throws IllegalArgumentException before Java 22, if the region is larger than 2147483647 bytes
   * @throws AshmemException.PermissionDenied if the protection lacks {@link Protection#READ}
   * @throws AshmemException.OutOfMemory if there is no room for it
   * @throws ClosedException if the region is closed
   */
  public Mapping map() {
    return map(0, size);
  }

  /**
   * Maps a part of the region: to read and write, or to read only if its protection lacks {@link
   * Protection#WRITE}.
   *
   * @param offset where the part begins, in bytes, from 0; it need not be a multiple of the page
   *     size
   * @param length the part's length in bytes, at least 1; before Java 22 at most 2147483647
   * @return a new mapping
   * @throws IllegalArgumentException if the part is empty, too long, or not within the region
   * @throws AshmemException.PermissionDenied if the protection lacks {@link Protection#READ}
   * @throws AshmemException.OutOfMemory if there is no room for it
   * @throws ClosedException if the region is closed
   */
  public Mapping map(long offset, long length) {
    checkPart(offset, length);
    try {
      return map(MapMode.READ_WRITE, offset, length);
    } catch (AshmemException.PermissionDenied e) {
      // Asked for before, the protection might be another one by now.
      return map(MapMode.READ_ONLY, offset, length);
    }
  }

  /**
   * Maps a part of the region.
   *
   * @param mode whether to write, and whether to share
   * @param offset where the part begins, in bytes, from 0; it need not be a multiple of the page
   *     size
   * @param length the part's length in bytes, at least 1; before Java 22 at most 2147483647
   * @return a new mapping
   * @throws IllegalArgumentException if the part is empty, too long, or not within the region
   * @throws AshmemException.PermissionDenied if the protection lacks what the mode needs
   * @throws AshmemException.OutOfMemory if there is no room for it
   * @throws ClosedException if the region is closed
   */
  public Mapping map(MapMode mode, long offset, long length) {
    Objects.requireNonNull(mode, "mode");
    checkPart(offset, length);
    int fd = acquire();
    try {
      return new Mapping(CLEANER, driver, fd, name, mode, offset, length);
    } finally {
      release();
    }
  }

  /** Maps the pages that hold a part of the region, and returns the address of the first. */
  long mapAddress(MapMode mode, long offset, long length) {
    Objects.requireNonNull(mode, "mode");
    checkPart(offset, length);
    long before = offset % pageSize();
    int fd = acquire();
    try {
      return Mapping.map(driver, fd, name, mode, offset - before, before + length);
    } finally {
      release();
    }
  }

  /**
   * Pins the whole region.
   *
   * @return whether any page of it was purged
   * @throws ClosedException if the region is closed
   * @throws AshmemException if the kernel refuses
   */
  public PinResult pin() {
    return pin(0, size);
  }

  /**
   * Pins a range: the kernel leaves its pages alone until they are unpinned.
   *
   * @param offset where the range begins, in bytes, a multiple of the page size
   * @param length the range's length in bytes, greater than 0: a multiple of the page size, or up
   *     to the region's end
   * @return whether any page of the range was purged since it was unpinned
   * @throws IllegalArgumentException if the range is not as above, or not within the region
   * @throws ClosedException if the region is closed
   * @throws AshmemException if the kernel refuses
   */
  public PinResult pin(long offset, long length) {
    long requested = PinRange.length(offset, length, size, Page.SIZE);
    int fd = acquire();
    try {
      Events.PinEvent event = Events.pin(name, offset, length);
      PinResult result = PinResult.of(check("ASHMEM_PIN", name, driver.pin(fd, offset, requested)));
      Counters.pinned(result);
      Events.pinned(event, name, offset, length, result);
      return result;
    } finally {
      release();
    }
  }

  /**
   * Unpins the whole region.
   *
   * @throws ClosedException if the region is closed
   * @throws AshmemException if the kernel refuses
   */
  public void unpin() {
    unpin(0, size);
  }

  /**
   * Unpins a range: from now on the kernel may purge its pages when memory is short. Until one is
   * purged it can be read and written as before, but nothing tells when that ends.
   *
   * @param offset where the range begins, in bytes, a multiple of the page size
   * @param length the range's length in bytes, greater than 0: a multiple of the page size, or up
   *     to the region's end
   * @throws IllegalArgumentException if the range is not as above, or not within the region
   * @throws ClosedException if the region is closed
   * @throws AshmemException if the kernel refuses
   */
  public void unpin(long offset, long length) {
    long requested = PinRange.length(offset, length, size, Page.SIZE);
    int fd = acquire();
    try {
      Events.UnpinEvent event = Events.unpin(name, offset, length);
      check("ASHMEM_UNPIN", name, driver.unpin(fd, offset, requested));
      Events.unpinned(event);
    } finally {
      release();
    }
  }

  /**
   * Pins the whole region for a scope.
   *
   * @return what unpins the region when it is closed
   * @throws ClosedException if the region is closed
   * @throws AshmemException if the kernel refuses
   */
  public Pin pinned() {
    return pinned(0, size);
  }

  /**
   * Pins a range for a scope.
   *
   * @param offset where the range begins, in bytes, a multiple of the page size
   * @param length the range's length in bytes, greater than 0: a multiple of the page size, or up
   *     to the region's end
   * @return what unpins the range when it is closed
   * @throws IllegalArgumentException if the range is not as above, or not within the region
   * @throws ClosedException if the region is closed
   * @throws AshmemException if the kernel refuses
   */
  public Pin pinned(long offset, long length) {
    return new Pin(this, offset, length, pin(offset, length));
  }

  /**
   * Asks whether the whole region is pinned.
   *
   * @return {@link PinStatus#PINNED} if every page is
   * @throws ClosedException if the region is closed
   * @throws AshmemException if the kernel refuses
   */
  public PinStatus pinStatus() {
    return pinStatus(0, size);
  }

  /**
   * Asks whether a range is pinned.
   *
   * @param offset where the range begins, in bytes, a multiple of the page size
   * @param length the range's length in bytes, greater than 0: a multiple of the page size, or up
   *     to the region's end
   * @return {@link PinStatus#PINNED} if every page of the range is
   * @throws IllegalArgumentException if the range is not as above, or not within the region
   * @throws ClosedException if the region is closed
   * @throws AshmemException if the kernel refuses
   */
  public PinStatus pinStatus(long offset, long length) {
    long requested = PinRange.length(offset, length, size, Page.SIZE);
    int fd = acquire();
    try {
      return PinStatus.of(
          check("ASHMEM_GET_PIN_STATUS", name, driver.pinStatus(fd, offset, requested)));
    } finally {
      release();
    }
  }

  /**
   * Asks for the number of the file behind the region: descriptors and mappings with the same
   * number, in any process, share their bytes.
   *
   * @return the inode number of the backing file
   * @throws ClosedException if the region is closed
   * @throws AshmemException if the kernel refuses
   */
  public long fileId() {
    int fd = acquire();
    try {
      return check("ASHMEM_GET_FILE_ID", name, driver.fileId(fd));
    } finally {
      release();
    }
  }

  /**
   * Makes another descriptor of this region, to be handed to another process or to {@link
   * #fromFileDescriptor}. It is closed when this process executes another program.
   *
   * @return the descriptor's number; the caller is to close it
   * @throws ClosedException if the region is closed
   * @throws IllegalStateException on memfd, if a range was purged that was not pinned since: only
   *     this region could tell
   * @throws AshmemException if the kernel refuses
   */
  public int dup() {
    int fd = acquire();
    try {
      return check("fcntl", name, driver.dup(fd));
    } finally {
      release();
    }
  }

  /** For a descriptor that was closed and that nobody got: the region is as it was before. */
  void takeBack() {
    driver.takenBack();
  }

  /**
   * Tells whether the region was not closed yet.
   *
   * @return false once {@link #close} was called
   */
  public boolean isOpen() {
    return descriptor.isOpen();
  }

  /**
   * Closes the region's descriptor; calls under way in other threads end as they would have. Does
   * nothing when it did before.
   *
   * <p>Mappings stay. When the last descriptor of a region is closed, in all processes, what was
   * unpinned and not purged yet is pinned for good.
   */
  @Override
  public void close() {
    Events.CloseEvent event = Events.close(lifetime);
    try {
      boolean first = lifetime.close();
      cleanable.clean();
      if (first) {
        Events.closed(event);
      }
    } finally {
      // Or the cleaner may find the region before it is known to be closed, and call it a leak.
      Reference.reachabilityFence(this);
    }
  }

  @Override
  public String toString() {
    return "region '" + name + "' of " + size + " bytes";
  }

  /** For a scope's end: a region that was closed has nothing to unpin. */
  void unpinIfOpen(long offset, long length) {
    try {
      unpin(offset, length);
    } catch (ClosedException e) {
      // Closing the region ended the scope before.
    }
  }

  /** Opens the device. The path is a parameter for the sake of a test without one. */
  static int open(String path) {
    int fd = Shim.open(path.getBytes(UTF_8));
    if (fd < 0) {
      throw AshmemException.ofOpen(path, -fd);
    }
    return fd;
  }

  /** Opens the device, or answers -1 where there is none and need not be one. */
  private static int openDevice(Backend backend) {
    try {
      return open(DEVICE);
    } catch (AshmemException.DeviceMissing e) {
      if (backend == Backend.DEVICE) {
        throw e;
      }
      return -1;
    }
  }

  private void checkPart(long offset, long length) {
    if (offset < 0 || length <= 0 || length > size - offset) {
      throw new IllegalArgumentException(
          "offset " + offset + " and length " + length + " name no part of " + this);
    }
    if (length > Memory.maxLength()) {
      throw new IllegalArgumentException(
          "before Java 22 a mapping has at most 2147483647 bytes, not "
              + length
              + ": map "
              + this
              + " in parts");
    }
  }

  private int acquire() {
    int fd = descriptor.acquire();
    if (fd < 0) {
      throw new ClosedException(toString());
    }
    return fd;
  }

  private void release() {
    try {
      descriptor.release();
    } finally {
      // Or the cleaner may close the region while its last call has still to begin.
      Reference.reachabilityFence(this);
    }
  }

  private static String name(int fd) {
    byte[] bytes = new byte[MAX_NAME];
    int length = check("ASHMEM_GET_NAME", UNNAMED, Shim.name(fd, bytes));
    return new String(bytes, 0, length, UTF_8);
  }

  private static void setProtection(Driver driver, int fd, String name, int mask) {
    int result = driver.setProtection(fd, mask);
    if (result == -Errno.EINVAL) {
      throw new IllegalArgumentException(
          "protection can only be removed from region '"
              + name
              + "': "
              + Protection.of(mask)
              + " has what was removed before");
    }
    check(driver.protectionCall(), name, result);
  }

  private static int check(String call, String name, int result) {
    return (int) check(call, name, (long) result);
  }

  private static long check(String call, String name, long result) {
    if (result < 0) {
      throw AshmemException.of(call, name, (int) -result);
    }
    return result;
  }

  /** Refuses a descriptor by what its first calls say. */
  private static long requireRegion(int fd, String call, long result) {
    return switch ((int) Math.max(0, -result)) {
      case Errno.EBADF ->
          throw new AshmemException.NotRegion(
              fd, call, Errno.EBADF, "it is not an open descriptor");
      case Errno.ENOTTY, Errno.EINVAL ->
          throw new AshmemException.NotRegion(
              fd, call, (int) -result, "it is not a region of ashmem, nor a memfd of fixed size");
      default -> check(call, "descriptor " + fd, result);
    };
  }

  /** What is left to do for a region, by its close or when it is not reachable. */
  private record Closing(Driver driver, Descriptor descriptor, Lifetime lifetime)
      implements Runnable {
    @Override
    public void run() {
      driver.close();
      descriptor.close();
      lifetime.end();
    }
  }

  /** Asked once, when first needed. */
  private static final class Page {
    static final long SIZE = Shim.pageSize();
  }

  /**
   * The choices for a new region.
   *
   * <p>Not safe for use by many threads.
   */
  public static final class Builder {
    private byte @Nullable [] encodedName;
    private long size;
    private @Nullable Set<Protection> protection;
    private @Nullable Backend backend;

    private Builder() {}

    /**
     * Names the region, which is for people who debug: names need not differ.
     *
     * @param name what to show in {@code /proc/PID/maps}: 1 to 255 bytes of UTF-8, without NUL
     * @return this builder
     * @throws IllegalArgumentException if the name is not as above
     */
    public Builder name(String name) {
      byte[] bytes = name.getBytes(UTF_8);
      if (bytes.length == 0 || bytes.length > MAX_NAME || name.indexOf('\0') >= 0) {
        throw new IllegalArgumentException(
            "a region's name has 1 to 255 bytes of UTF-8 and no NUL; this has " + bytes.length);
      }
      this.encodedName = bytes;
      return this;
    }

    /**
     * Sets the region's size. A region must have one.
     *
     * @param size the size in bytes, greater than 0
     * @return this builder
     * @throws IllegalArgumentException if the size is not greater than 0
     */
    public Builder size(long size) {
      if (size <= 0) {
        throw new IllegalArgumentException("a region's size is greater than 0, not " + size);
      }
      this.size = size;
      return this;
    }

    /**
     * Sets what mappings may do. Without this they may do everything.
     *
     * @param protection what to allow
     * @return this builder
     */
    public Builder protection(Set<Protection> protection) {
      this.protection =
          protection.isEmpty() ? EnumSet.noneOf(Protection.class) : EnumSet.copyOf(protection);
      return this;
    }

    /**
     * Sets what gives the region its memory. Without this it is {@link Backend#configured}.
     *
     * @param backend what to use
     * @return this builder
     */
    public Builder backend(Backend backend) {
      this.backend = Objects.requireNonNull(backend, "backend");
      return this;
    }

    /**
     * Creates the region.
     *
     * @return a new region, all of it zeros and pinned
     * @throws IllegalStateException if no size was set
     * @throws AshmemException.DeviceMissing if there is no device, and the backend is {@link
     *     Backend#DEVICE}
     * @throws AshmemException.PermissionDenied if this user may not open the device
     * @throws AshmemException if the kernel refuses
     */
    public AshmemRegion create() {
      if (size == 0) {
        throw new IllegalStateException("a region needs a size");
      }
      Backend choice = backend != null ? backend : Backend.configured();
      int device = choice == Backend.MEMFD ? -1 : openDevice(choice);
      if (choice == Backend.AUTO && !TOLD.getAndSet(true)) {
        if (device >= 0) {
          LOG.log(System.Logger.Level.INFO, "regions are on {0}", DEVICE);
        } else {
          LOG.log(System.Logger.Level.INFO, "there is no {0}: regions are on memfd", DEVICE);
        }
      }
      return device >= 0 ? onDevice(device) : onMemfd();
    }

    private AshmemRegion onDevice(int fd) {
      try {
        String name = name();
        if (encodedName != null) {
          check("ASHMEM_SET_NAME", name, Shim.setName(fd, encodedName));
        }
        check("ASHMEM_SET_SIZE", name, Shim.setSize(fd, size));
        if (protection != null) {
          setProtection(DeviceDriver.INSTANCE, fd, name, Protection.mask(protection));
        }
        // The driver pins no range of a region that was never mapped.
        check("mmap", name, Shim.back(fd));
        return new AshmemRegion(fd, name, size);
      } catch (Throwable e) {
        int unused = Shim.close(fd);
        throw e;
      }
    }

    private AshmemRegion onMemfd() {
      byte[] bytes = encodedName != null ? encodedName : new byte[0];
      int fd = MemfdDriver.open(name(), bytes, size);
      Descriptor descriptor = new Descriptor(fd);
      MemfdDriver driver = MemfdDriver.created(descriptor, name(), size);
      try {
        if (protection != null) {
          setProtection(driver, fd, name(), Protection.mask(protection));
        }
        PressureWatch.startIfWanted();
        return new AshmemRegion(descriptor, driver, name(), size);
      } catch (Throwable e) {
        driver.close();
        descriptor.close();
        throw e;
      }
    }

    private String name() {
      return encodedName == null ? UNNAMED : new String(encodedName, UTF_8);
    }
  }
}
