// SPDX-License-Identifier: Apache-2.0
package org.ashmem.android;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.ashmem.android.OsConstants.EINVAL;
import static org.ashmem.android.OsConstants.EPERM;
import static org.ashmem.android.OsConstants.PROT_EXEC;
import static org.ashmem.android.OsConstants.PROT_READ;
import static org.ashmem.android.OsConstants.PROT_WRITE;

import java.io.Closeable;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CodingErrorAction;
import java.util.EnumSet;
import java.util.Set;
import org.apache.commons.lang3.Validate;
import org.ashmem.AshmemException;
import org.ashmem.AshmemRegion;
import org.ashmem.MapMode;
import org.ashmem.Mapping;
import org.ashmem.Protection;
import org.ashmem.RegionBuilder;
import org.ashmem.RegionDescriptor;
import org.jspecify.annotations.Nullable;

/**
 * Memory that can be shared with other processes. This is Android's class of the same name,
 * implemented on an {@link AshmemRegion}.
 *
 * <p>Memory that becomes unreachable is closed. Its buffers stay valid.
 *
 * <p>Thread-safe. If one thread closes the memory, a concurrent call in another thread either
 * succeeds or throws {@link IllegalStateException}.
 */
public final class SharedMemory implements Closeable {
  /** The maximum length of a region's name, in bytes of UTF-8. */
  private static final int MAX_NAME = 255;

  private final AshmemRegion region;

  /** Takes ownership of the region, which must have at most 2147483647 bytes. */
  SharedMemory(AshmemRegion region) {
    this.region = region;
  }

  /**
   * Creates memory that may be read, written and executed.
   *
   * @param name the name that {@code /proc/PID/maps} shows, or null; the name ends before a NUL,
   *     and is cut to 255 bytes of UTF-8
   * @param size the size in bytes, greater than 0
   * @return new memory that is filled with zeros
   * @throws IllegalArgumentException if the size is not greater than 0
   * @throws ErrnoException if the kernel refuses; with {@link OsConstants#ENOENT} if the system
   *     property {@code org.ashmem.backend} requires the device and there is none
   */
  @SuppressWarnings("exports") // programs compile without the annotation
  public static SharedMemory create(@Nullable String name, int size) throws ErrnoException {
    return new SharedMemory(createRegion(name, size));
  }

  /**
   * Takes ownership of a descriptor that was inherited or received. Closing the memory closes the
   * descriptor.
   *
   * @param fd an open descriptor; afterwards the memory owns it. If this method throws, the
   *     descriptor is closed if the memory is too large, and otherwise stays open
   * @return the memory that the descriptor refers to
   * @throws IllegalArgumentException if the descriptor is not shared memory with a size from 1 to
   *     2147483647 bytes
   * @throws IllegalStateException if the descriptor was closed, detached or adopted before
   * @throws AshmemException if the kernel refuses for another reason
   */
  public static SharedMemory fromFileDescriptor(RegionDescriptor fd) {
    AshmemRegion region;
    try {
      region = AshmemRegion.fromFileDescriptor(fd);
    } catch (AshmemException e) {
      if (e instanceof AshmemException.NotRegion || e.errno() == OsConstants.EOVERFLOW) {
        throw new IllegalArgumentException(e.getMessage(), e);
      }
      throw e;
    }
    if (region.size() > Integer.MAX_VALUE) {
      region.close();
      throw new IllegalArgumentException(region + " is too large for SharedMemory");
    }
    return new SharedMemory(region);
  }

  /**
   * Removes every right that is not named from new mappings, in every process that shares the
   * memory. A removed right cannot be restored. Existing mappings keep their rights. On memfd,
   * other processes lose only {@link OsConstants#PROT_WRITE}.
   *
   * @param prot the rights to keep: the bitwise OR of {@link OsConstants#PROT_READ}, {@link
   *     OsConstants#PROT_WRITE} and {@link OsConstants#PROT_EXEC}, or {@link OsConstants#PROT_NONE}
   * @return true if the protection was set; false if nothing changed because a named right was
   *     removed before, or because the kernel refuses
   * @throws IllegalArgumentException if there are other bits
   * @throws IllegalStateException if the memory is closed
   */
  public boolean setProtect(int prot) {
    requireOpen();
    requireKnown(prot);
    try {
      region.setProtection(protection(prot));
      return true;
    } catch (IllegalArgumentException | AshmemException e) {
      return false;
    }
  }

  /**
   * Returns whether new mappings cannot be writable, because {@link #setProtect} removed {@link
   * OsConstants#PROT_WRITE}, in any process. On memfd this is also so if the memory was adopted by
   * a descriptor that was opened read-only.
   *
   * @return true if a mapping with {@link OsConstants#PROT_WRITE} would be refused
   * @throws IllegalStateException if the memory is closed, or if the kernel refuses
   */
  public boolean isRegionReadOnly() {
    try {
      return !region.protection().contains(Protection.WRITE);
    } catch (AshmemException e) {
      throw new IllegalStateException(e.getMessage(), e);
    }
  }

  /**
   * Creates another descriptor of this memory, for another process or for {@link
   * #fromFileDescriptor}. The descriptor is closed when this process executes another program.
   *
   * @return the descriptor; the caller must close it
   * @throws IOException if the kernel refuses
   * @throws IllegalStateException if the memory is closed
   */
  public RegionDescriptor getFdDup() throws IOException {
    try {
      return region.dup();
    } catch (AshmemException e) {
      throw ErrnoException.of(e).rethrowAsIOException();
    }
  }

  /**
   * Returns the memory's size.
   *
   * @return the size in bytes, greater than 0; not rounded up to whole pages
   * @throws IllegalStateException if the memory is closed
   */
  public int getSize() {
    requireOpen();
    return (int) region.size();
  }

  /**
   * Maps the whole memory for reading and writing.
   *
   * @return a new direct buffer
   * @throws ErrnoException if the kernel refuses; with {@link OsConstants#EPERM} if the protection
   *     does not allow the mapping
   * @throws IllegalStateException if the memory is closed
   */
  public ByteBuffer mapReadWrite() throws ErrnoException {
    return map(PROT_READ | PROT_WRITE, 0, (int) region.size());
  }

  /**
   * Maps the whole memory for reading.
   *
   * @return a new direct buffer that is read-only
   * @throws ErrnoException if the kernel refuses; with {@link OsConstants#EPERM} if the protection
   *     does not allow the mapping
   * @throws IllegalStateException if the memory is closed
   */
  public ByteBuffer mapReadOnly() throws ErrnoException {
    return map(PROT_READ, 0, (int) region.size());
  }

  /**
   * Maps a part of the memory. The part stays mapped until {@link #unmap}, or until neither the
   * buffer nor a view of it is reachable. Closing the memory does not unmap it.
   *
   * @param prot {@link OsConstants#PROT_READ}, {@link OsConstants#PROT_WRITE}, or their bitwise OR.
   *     A writable buffer is also readable. An additional {@link OsConstants#PROT_EXEC} only checks
   *     that the protection allows it, and has no other effect
   * @param offset the start of the part in bytes, at least 0, a multiple of the page size
   * @param length the length of the part in bytes, greater than 0
   * @return a new direct buffer in big-endian order, read-only without {@link
   *     OsConstants#PROT_WRITE}
   * @throws ErrnoException if the kernel refuses; with {@link OsConstants#EINVAL} if the offset is
   *     not a multiple of the page size; with {@link OsConstants#EPERM} if the protection does not
   *     allow the mapping
   * @throws IllegalArgumentException if the protection is not as above, or if the part is empty or
   *     not within the memory
   * @throws IllegalStateException if the memory is closed
   */
  public ByteBuffer map(int prot, int offset, int length) throws ErrnoException {
    requireOpen();
    requireKnown(prot);
    Validate.isTrue(
        (prot & (PROT_READ | PROT_WRITE)) != 0, "a buffer needs PROT_READ or PROT_WRITE");
    Validate.isTrue(
        offset >= 0 && length > 0 && length <= region.size() - offset,
        "offset %s and length %s are not within %s",
        offset,
        length,
        region);
    if (offset % AshmemRegion.pageSize() != 0) {
      throw new ErrnoException("mmap", EINVAL);
    }
    MapMode mode = (prot & PROT_WRITE) == 0 ? MapMode.READ_ONLY : MapMode.READ_WRITE;
    try {
      if ((prot & PROT_EXEC) != 0 && !region.protection().contains(Protection.EXECUTE)) {
        throw new ErrnoException("mmap", EPERM);
      }
      return Mappings.handOut(region.map(mode, offset, length));
    } catch (AshmemException e) {
      throw ErrnoException.of(e);
    }
  }

  /**
   * Detaches a buffer and all views of it from the memory. From now on they throw {@link
   * IllegalStateException}. Before Java 22 they read zeros, or the bytes that were written to them
   * later. A second call is a no-op.
   *
   * @param buffer the buffer that {@link #map}, {@link #mapReadWrite} or {@link #mapReadOnly}
   *     returned, not a slice or duplicate of it
   * @throws IllegalArgumentException if the buffer is another one
   * @throws AshmemException if the kernel has no memory for the operation; the buffer then stays
   *     mapped
   */
  public static void unmap(ByteBuffer buffer) {
    Mapping mapping = Mappings.of(buffer);
    if (mapping == null) {
      throw new IllegalArgumentException("not a buffer that SharedMemory mapped: " + buffer);
    }
    mapping.close();
  }

  /** Closes the memory's descriptor. Mappings stay valid. A second call is a no-op. */
  @Override
  public void close() {
    region.close();
  }

  /** Creates a region from a name and a size, with the exceptions of Android's classes. */
  static AshmemRegion createRegion(@Nullable String name, int size) throws ErrnoException {
    RegionBuilder builder = AshmemRegion.builder().size(size);
    String shown = name == null ? "" : shown(name);
    if (!shown.isEmpty()) {
      builder.name(shown);
    }
    try {
      return builder.create();
    } catch (AshmemException e) {
      throw ErrnoException.of(e);
    }
  }

  private static String shown(String name) {
    int end = name.indexOf('\0');
    ByteBuffer bytes = ByteBuffer.allocate(MAX_NAME);
    // The encoder stops before the first character that does not fit.
    UTF_8
        .newEncoder()
        .onMalformedInput(CodingErrorAction.REPLACE)
        .encode(CharBuffer.wrap(end < 0 ? name : name.substring(0, end)), bytes, true);
    return UTF_8.decode(bytes.flip()).toString();
  }

  private static Set<Protection> protection(int prot) {
    Set<Protection> set = EnumSet.noneOf(Protection.class);
    if ((prot & PROT_READ) != 0) {
      set.add(Protection.READ);
    }
    if ((prot & PROT_WRITE) != 0) {
      set.add(Protection.WRITE);
    }
    if ((prot & PROT_EXEC) != 0) {
      set.add(Protection.EXECUTE);
    }
    return set;
  }

  private static void requireKnown(int prot) {
    Validate.isTrue(
        (prot & ~(PROT_READ | PROT_WRITE | PROT_EXEC)) == 0,
        "a protection has the bits PROT_READ, PROT_WRITE and PROT_EXEC, not %s",
        prot);
  }

  private void requireOpen() {
    Validate.validState(region.isOpen(), "%s is closed", region);
  }
}
