// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

import java.io.InputStream;
import java.io.OutputStream;
import java.lang.ref.Cleaner;
import java.lang.ref.Reference;
import java.nio.channels.Channels;
import java.nio.channels.SeekableByteChannel;
import java.util.Set;

/**
 * Anonymous shared memory whose unpinned pages the kernel may purge.
 *
 * <p>All pages of a new region are pinned. Calls of {@link #pin} are not counted: one {@link
 * #unpin} undoes any number of them, on the device also those of other processes that share the
 * region. Scopes are counted: a range stays pinned until the last {@link Pin} of this object on it
 * is closed. When memory is short, the kernel purges unpinned pages, the least recently unpinned
 * ones first.
 *
 * <p>A region that becomes unreachable is closed and reported as a leak ({@code org.ashmem.leaks}).
 * Its mappings stay valid.
 *
 * <p>Thread-safe. If one thread closes the region, a concurrent call in another thread either
 * succeeds or throws {@link ClosedException}. It never reaches a file that the process opened
 * later.
 */
public final class AshmemRegion implements AutoCloseable {
  /** The path of the ashmem device. */
  static final String DEVICE = "/dev/ashmem";

  /** The maximum length of a name, in bytes of UTF-8. */
  static final int MAX_NAME = 255;

  /** The name that the device gives to a region without a name. */
  static final String UNNAMED = "dev/ashmem";

  static final Cleaner CLEANER = Cleaner.create();

  private final Descriptor descriptor;
  private final Driver driver;
  private final Pins pins;
  private final PurgeWatches watches;
  private final Lifetime lifetime;
  private final Cleaner.Cleanable cleanable;
  private final String name;
  private final long size;

  /** Takes ownership of the descriptor of a region on the device whose name and size are fixed. */
  AshmemRegion(int fd, String name, long size) {
    this(new Descriptor(fd), DeviceDriver.INSTANCE, name, size);
  }

  AshmemRegion(Descriptor owned, Driver driver, String name, long size) {
    this.descriptor = owned;
    this.driver = driver;
    this.pins = new Pins(this, driver);
    this.watches = new PurgeWatches(new WatchedRegion(owned, driver));
    this.lifetime = Lifetime.ofRegion(name, size);
    this.name = name;
    this.size = size;
    // This comes last: if the constructor throws, the caller must still close the descriptor.
    this.cleanable = new Closing(watches.watched(), driver, owned, lifetime).register(this);
  }

  /**
   * Creates a region that may be read, written and executed.
   *
   * @param name the name that {@code /proc/PID/maps} shows: 1 to 255 bytes of UTF-8, without NUL
   * @param size the size in bytes, greater than 0
   * @return a new region that is filled with zeros and pinned
   * @throws IllegalArgumentException if the name or the size is not as above
   * @throws AshmemException.DeviceMissing if the system property {@code org.ashmem.backend}
   *     requires the device and there is none
   * @throws AshmemException if the kernel refuses
   */
  public static AshmemRegion create(String name, long size) {
    return builder().name(name).size(size).create();
  }

  /**
   * Returns a builder, which has more options than {@link #create}.
   *
   * @return a builder without a name and without a size
   */
  public static RegionBuilder builder() {
    return new RegionBuilder();
  }

  /**
   * Takes ownership of a descriptor that was inherited or received. Closing the region closes the
   * descriptor. From now on no process can change the region's name or size.
   *
   * @param descriptor an open descriptor; afterwards the region owns it, but if this method throws,
   *     it stays open
   * @return the region that the descriptor refers to
   * @throws ClosedException if the descriptor was closed, detached or adopted before
   * @throws AshmemException.NotRegion if the descriptor is not open, is not a region, is a region
   *     without a size, or is a memfd whose size is not sealed
   * @throws AshmemException if the kernel refuses
   */
  public static AshmemRegion fromFileDescriptor(RegionDescriptor descriptor) {
    return descriptor.adopt();
  }

  /**
   * Requests a purge of every unpinned page. {@link Backend#configured} selects the backend. On the
   * device this purges all regions of the machine. On memfd it purges the regions that this process
   * created and did not pass on. {@link Backend#AUTO} purges on both, and only on memfd if there is
   * no device, or if the process has no descriptor free to open it. If this method throws, it has
   * purged nothing.
   *
   * @return the number of pages that were unpinned and not purged yet, also of pages without memory
   * @throws AshmemException.PermissionDenied if the device is used and the process lacks the
   *     capability {@code CAP_SYS_ADMIN}
   * @throws AshmemException.DeviceMissing if the backend is {@link Backend#DEVICE} and there is no
   *     device
   * @throws AshmemException if the kernel refuses
   */
  public static long purgeAllCaches() {
    return Purge.all(Backend.configured());
  }

  /**
   * Returns the size of a page, the unit in which memory is pinned and purged.
   *
   * @return the size in bytes, a power of two
   */
  public static long pageSize() {
    return Shim.pageSize();
  }

  /**
   * Returns the region's name.
   *
   * @return the name; {@code dev/ashmem} if the region has none
   */
  public String name() {
    return name;
  }

  /**
   * Returns the region's size.
   *
   * @return the size in bytes, greater than 0; not rounded up to whole pages
   */
  public long size() {
    return size;
  }

  /**
   * Returns the backend that provides the region's memory.
   *
   * @return {@link Backend#DEVICE} or {@link Backend#MEMFD}
   */
  public Backend backend() {
    return driver.backend();
  }

  /**
   * Returns what new mappings may do.
   *
   * @return a set that cannot be modified
   * @throws ClosedException if the region is closed
   */
  public Set<Protection> protection() {
    int fd = acquire();
    try {
      return Protection.of(
          AshmemException.check("ASHMEM_GET_PROT_MASK", name, driver.protection(fd)));
    } finally {
      release();
    }
  }

  /**
   * Removes every right that is not in the set from new mappings, in every process that shares the
   * region. A removed right cannot be restored. Existing mappings keep their rights. On memfd,
   * other processes lose only {@link Protection#WRITE}.
   *
   * <p>In a process with the personality {@code READ_IMPLIES_EXEC}, a set with {@link
   * Protection#READ} also keeps {@link Protection#EXECUTE}.
   *
   * @param protection the rights to keep, a subset of {@link #protection()}
   * @throws IllegalArgumentException if the set contains a right that was removed before; the
   *     protection does not change then
   * @throws ClosedException if the region is closed
   * @throws AshmemException if the kernel refuses
   */
  public void setProtection(Set<Protection> protection) {
    int mask = Protection.mask(protection);
    int fd = acquire();
    try {
      Protection.set(driver, fd, name, mask);
    } finally {
      release();
    }
  }

  /**
   * Maps the whole region for reading and writing, or for reading only if its protection lacks
   * {@link Protection#WRITE}.
   *
   * @return a new mapping
   * @throws IllegalArgumentException before Java 22, if the region is larger than 2147483647 bytes
   * @throws AshmemException.PermissionDenied if the protection lacks {@link Protection#READ}
   * @throws AshmemException.OutOfMemory if there is no room for the mapping
   * @throws ClosedException if the region is closed
   */
  public Mapping map() {
    return map(0, size);
  }

  /**
   * Maps a part of the region for reading and writing, or for reading only if its protection lacks
   * {@link Protection#WRITE}.
   *
   * @param offset the start of the part in bytes, at least 0; it need not be a multiple of the page
   *     size
   * @param length the length of the part in bytes, at least 1; before Java 22 at most 2147483647
   * @return a new mapping
   * @throws IllegalArgumentException if the part is empty, too long, or not within the region
   * @throws AshmemException.PermissionDenied if the protection lacks {@link Protection#READ}
   * @throws AshmemException.OutOfMemory if there is no room for the mapping
   * @throws ClosedException if the region is closed
   */
  public Mapping map(long offset, long length) {
    try {
      return map(MapMode.READ_WRITE, offset, length);
    } catch (AshmemException.PermissionDenied e) {
      // A check of the protection before the call would be racy: the protection could change.
      return map(MapMode.READ_ONLY, offset, length);
    }
  }

  /**
   * Maps a part of the region.
   *
   * @param mode whether the mapping is writable, and whether it is shared
   * @param offset the start of the part in bytes, at least 0; it need not be a multiple of the page
   *     size
   * @param length the length of the part in bytes, at least 1; before Java 22 at most 2147483647
   * @return a new mapping
   * @throws IllegalArgumentException if the part is empty, too long, or not within the region
   * @throws AshmemException.PermissionDenied if the protection lacks a right that the mode needs
   * @throws AshmemException.OutOfMemory if there is no room for the mapping
   * @throws ClosedException if the region is closed
   */
  public Mapping map(MapMode mode, long offset, long length) {
    Mapping.check(this, mode, offset, length);
    int fd = acquire();
    try {
      return new Mapping(CLEANER, driver, fd, name, mode, offset, length);
    } finally {
      release();
    }
  }

  /**
   * Returns the region's bytes as a channel with position 0. The channel maps the region for
   * itself. Closing it does not close the region. A write past the region's end writes what fits;
   * if nothing fits, it throws {@link java.io.IOException}. The channel does not pin: an unpinned
   * page may become zeros at any time.
   *
   * <p>The channel is thread-safe. After the region is closed, it throws {@link ClosedException}.
   *
   * @return a channel, which the caller must close; its writes throw NonWritableChannelException if
   *     the protection lacks {@link Protection#WRITE}
   * @throws AshmemException.PermissionDenied if the protection lacks {@link Protection#READ}
   * @throws AshmemException.OutOfMemory if there is no room for a mapping
   * @throws ClosedException if the region is closed
   */
  public SeekableByteChannel channel() {
    return RegionByteChannel.of(this);
  }

  /**
   * Returns a stream that reads the region from its beginning, by a {@link #channel}.
   *
   * @return a stream, which the caller must close
   * @throws AshmemException.PermissionDenied if the protection lacks {@link Protection#READ}
   * @throws AshmemException.OutOfMemory if there is no room for a mapping
   * @throws ClosedException if the region is closed
   */
  public InputStream inputStream() {
    return Channels.newInputStream(new RegionByteChannel(this, MapMode.READ_ONLY));
  }

  /**
   * Returns a stream that writes the region from its beginning, by a {@link #channel}. A write past
   * the region's end writes what fits and throws {@link java.io.IOException}.
   *
   * @return a stream, which the caller must close
   * @throws AshmemException.PermissionDenied if the protection lacks {@link Protection#READ} or
   *     {@link Protection#WRITE}
   * @throws AshmemException.OutOfMemory if there is no room for a mapping
   * @throws ClosedException if the region is closed
   */
  public OutputStream outputStream() {
    return Channels.newOutputStream(new RegionByteChannel(this, MapMode.READ_WRITE));
  }

  /** Maps the pages that contain a part of the region. Returns the address of the first page. */
  long mapAddress(MapMode mode, long offset, long length) {
    Mapping.check(this, mode, offset, length);
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
   * @return whether any page of the region was purged since it was last pinned
   * @throws ClosedException if the region is closed
   * @throws AshmemException if the kernel refuses
   */
  public PinResult pin() {
    return pin(0, size);
  }

  /**
   * Pins a range. The kernel does not purge its pages until they are unpinned.
   *
   * @param offset the start of the range in bytes, a multiple of the page size
   * @param length the length of the range in bytes, greater than 0; a multiple of the page size,
   *     unless the range ends where the region ends
   * @return whether any page of the range was purged since it was last pinned
   * @throws IllegalArgumentException if the range is not as above, or not within the region
   * @throws ClosedException if the region is closed
   * @throws AshmemException if the kernel refuses
   */
  public PinResult pin(long offset, long length) {
    return pins.pin(offset, length);
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
   * Unpins a range. From now on the kernel may purge its pages when memory is short. A page can be
   * read and written as before until it is purged. {@link #onPurge} tells of purges, but only
   * pinning tells whether a page was purged.
   *
   * <p>The parts that an open {@link Pin} of this object holds stay pinned until the last such
   * scope is closed.
   *
   * @param offset the start of the range in bytes, a multiple of the page size
   * @param length the length of the range in bytes, greater than 0; a multiple of the page size,
   *     unless the range ends where the region ends
   * @throws IllegalArgumentException if the range is not as above, or not within the region
   * @throws ClosedException if the region is closed
   * @throws AshmemException if the kernel refuses
   */
  public void unpin(long offset, long length) {
    pins.unpin(offset, length);
  }

  /**
   * Pins many ranges, one after the other, by one request to the kernel. Like {@link #pin(long,
   * long)}, it is not counted.
   *
   * @param ranges the ranges, which may overlap
   * @return what was purged of which range
   * @throws IllegalArgumentException if a range is not as {@link PinRange} says, or not within the
   *     region; no range is pinned then
   * @throws AshmemException.PartlyPinned if the kernel refuses some of the ranges; the others are
   *     pinned, and the exception has their results
   * @throws ClosedException if the region is closed
   * @throws AshmemException if the kernel refuses all
   */
  public PinResults pinAll(PinRange... ranges) {
    return pins.pinAll(ranges);
  }

  /**
   * Unpins many ranges, one after the other, by one request to the kernel. As with {@link
   * #unpin(long, long)}, the parts that an open {@link Pin} of this object holds stay pinned.
   *
   * @param ranges the ranges, which may overlap
   * @throws IllegalArgumentException if a range is not as {@link PinRange} says, or not within the
   *     region; no range is unpinned then
   * @throws ClosedException if the region is closed
   * @throws AshmemException if the kernel refuses; some of the ranges may be unpinned then
   */
  public void unpinAll(PinRange... ranges) {
    pins.unpinAll(ranges);
  }

  /**
   * Pins the whole region for a scope.
   *
   * @return a scope; closing it unpins what no other scope of this object holds
   * @throws ClosedException if the region is closed
   * @throws AshmemException if the kernel refuses
   */
  public Pin pinned() {
    return pinned(0, size);
  }

  /**
   * Pins a range for a scope.
   *
   * @param offset the start of the range in bytes, a multiple of the page size
   * @param length the length of the range in bytes, greater than 0; a multiple of the page size,
   *     unless the range ends where the region ends
   * @return a scope; closing it unpins what no other scope of this object holds
   * @throws IllegalArgumentException if the range is not as above, or not within the region
   * @throws ClosedException if the region is closed
   * @throws AshmemException if the kernel refuses
   */
  public Pin pinned(long offset, long length) {
    return pins.begin(offset, length);
  }

  /**
   * Returns whether the whole region is pinned.
   *
   * @return {@link PinStatus#PINNED} if every page of the region is pinned
   * @throws ClosedException if the region is closed
   * @throws AshmemException if the kernel refuses
   */
  public PinStatus pinStatus() {
    return pinStatus(0, size);
  }

  /**
   * Returns whether a range is pinned.
   *
   * @param offset the start of the range in bytes, a multiple of the page size
   * @param length the length of the range in bytes, greater than 0; a multiple of the page size,
   *     unless the range ends where the region ends
   * @return {@link PinStatus#PINNED} if every page of the range is pinned
   * @throws IllegalArgumentException if the range is not as above, or not within the region
   * @throws ClosedException if the region is closed
   * @throws AshmemException if the kernel refuses
   */
  public PinStatus pinStatus(long offset, long length) {
    return pins.status(offset, length);
  }

  /**
   * Runs an action after each purge of some of the region. {@link PurgeWatch} tells what holds on
   * which backend.
   *
   * @param action what to run, in a thread of this library
   * @return a watch; closing it ends the calls
   * @throws UnsupportedOperationException if the device's driver does not report purges
   * @throws ClosedException if the region is closed
   * @throws AshmemException if the kernel refuses
   */
  public PurgeWatch onPurge(Runnable action) {
    return watches.add(this, action);
  }

  /**
   * Returns the inode number of the region's backing file. Descriptors and mappings with the same
   * number share their bytes, also across processes.
   *
   * @return the inode number of the backing file
   * @throws ClosedException if the region is closed
   * @throws AshmemException if the kernel refuses
   */
  public long fileId() {
    int fd = acquire();
    try {
      return AshmemException.check("ASHMEM_GET_FILE_ID", name, driver.fileId(fd));
    } finally {
      release();
    }
  }

  /**
   * Creates another descriptor of this region, for another process or for {@link
   * #fromFileDescriptor}. The descriptor is closed when this process executes another program.
   *
   * <p>On memfd, the region is not purged from now on. It may be purged again after the descriptor,
   * or the region that adopted it, is closed, if it was never passed on to another process.
   *
   * @return the descriptor, which the caller must close
   * @throws ClosedException if the region is closed
   * @throws IllegalStateException on memfd, if a range was purged and not pinned since; only this
   *     object has a record of that purge
   * @throws AshmemException if the kernel refuses
   */
  public RegionDescriptor dup() {
    int fd = acquire();
    try {
      return RegionDescriptor.dup(fd, name, driver);
    } finally {
      release();
    }
  }

  /**
   * Returns whether the region is open.
   *
   * @return false after {@link #close} was called
   */
  public boolean isOpen() {
    return descriptor.isOpen();
  }

  /**
   * Closes the region's descriptor. Calls that are in progress in other threads complete normally.
   * A second call is a no-op.
   *
   * <p>Mappings stay valid. When the last descriptor of a region is closed, in any process, all
   * pages that were not purged by then are pinned permanently.
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
      // Without this the cleaner could run before the lifetime is closed, and report a leak.
      Reference.reachabilityFence(this);
    }
  }

  @Override
  public String toString() {
    return "region '" + name + "' of " + size + " bytes";
  }

  Driver driver() {
    return driver;
  }

  /** Returns the descriptor's number, valid until {@link #release}. */
  int acquire() {
    int fd = descriptor.acquire();
    if (fd < 0) {
      throw new ClosedException(toString());
    }
    return fd;
  }

  void release() {
    try {
      descriptor.release();
    } finally {
      // Without this the cleaner could close the region before its last call begins.
      Reference.reachabilityFence(this);
    }
  }
}
