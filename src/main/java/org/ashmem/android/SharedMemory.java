// SPDX-License-Identifier: Apache-2.0
package org.ashmem.android;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.ashmem.android.OsConstants.EINVAL;
import static org.ashmem.android.OsConstants.EPERM;
import static org.ashmem.android.OsConstants.PROT_EXEC;
import static org.ashmem.android.OsConstants.PROT_READ;
import static org.ashmem.android.OsConstants.PROT_WRITE;

import java.io.Closeable;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CodingErrorAction;
import java.util.EnumSet;
import java.util.Set;
import org.ashmem.AshmemException;
import org.ashmem.AshmemRegion;
import org.ashmem.MapMode;
import org.ashmem.Mapping;
import org.ashmem.Protection;
import org.jspecify.annotations.Nullable;

/**
 * Memory that can be shared with other processes: Android's class of that name, on an {@link
 * AshmemRegion}.
 *
 * <p>Memory that is no longer reachable is closed by itself. Its buffers do not depend on it.
 *
 * <p>Safe for use by many threads. While one closes the memory, each call of another either works
 * or throws {@link IllegalStateException}.
 */
public final class SharedMemory implements Closeable {
  /** The longest name of a region, in bytes of UTF-8. */
  private static final int MAX_NAME = 255;

  private final AshmemRegion region;

  /** Takes over the region, which has at most 2147483647 bytes. */
  SharedMemory(AshmemRegion region) {
    this.region = region;
  }

  /**
   * Creates memory that may be read, written and executed.
   *
   * @param name what to show in {@code /proc/PID/maps}, or null; what follows a NUL or does not fit
   *     255 bytes of UTF-8 is left out
   * @param size the size in bytes, greater than 0
   * @return new memory, all of it zeros
   * @throws IllegalArgumentException if the size is not greater than 0
   * @throws ErrnoException if the kernel refuses; with {@link OsConstants#ENOENT} if there is no
   *     device, and the system property {@code org.ashmem.backend} asks for it
   */
  @SuppressWarnings("exports") // programs compile without the annotation
  public static SharedMemory create(@Nullable String name, int size) throws ErrnoException {
    return new SharedMemory(createRegion(name, size));
  }

  /**
   * Takes over a descriptor that was inherited or received, and closes it with the memory.
   *
   * @param fd the number of an open descriptor; left open if it is not one of shared memory, and
   *     closed if the memory is too large
   * @return the memory that the descriptor shares with others
   * @throws IllegalArgumentException if the number is negative or not open, or if the descriptor is
   *     not of shared memory with a size from 1 to 2147483647 bytes
   * @throws AshmemException if the kernel refuses for another reason
   */
  public static SharedMemory fromFileDescriptor(int fd) {
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
   * Takes from new mappings, in every process that shares the memory, what is not named. What was
   * taken cannot be given back. Mappings that exist keep what they have.
   *
   * @param prot what to keep: {@link OsConstants#PROT_READ}, {@link OsConstants#PROT_WRITE} and
   *     {@link OsConstants#PROT_EXEC}, or'ed, or {@link OsConstants#PROT_NONE}
   * @return true if that is the protection now; false if nothing was changed, since it has what was
   *     taken before, or since the kernel refuses
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
   * Makes another descriptor of this memory, to be handed to another process or to {@link
   * #fromFileDescriptor}. It is closed when this process executes another program.
   *
   * @return the descriptor's number; the caller is to close it
   * @throws ErrnoException if the kernel refuses
   * @throws IllegalStateException if the memory is closed
   */
  public int getFdDup() throws ErrnoException {
    try {
      return region.dup();
    } catch (AshmemException e) {
      throw ErrnoException.of(e);
    }
  }

  /**
   * Returns the memory's size.
   *
   * @return the size in bytes, as it was given, greater than 0
   * @throws IllegalStateException if the memory is closed
   */
  public int getSize() {
    requireOpen();
    return (int) region.size();
  }

  /**
   * Maps the whole memory to read and write.
   *
   * @return a new direct buffer
   * @throws ErrnoException if the kernel refuses; with {@link OsConstants#EPERM} if the protection
   *     does not allow it
   * @throws IllegalStateException if the memory is closed
   */
  public ByteBuffer mapReadWrite() throws ErrnoException {
    return map(PROT_READ | PROT_WRITE, 0, (int) region.size());
  }

  /**
   * Maps the whole memory to read only.
   *
   * @return a new direct buffer that is read-only
   * @throws ErrnoException if the kernel refuses; with {@link OsConstants#EPERM} if the protection
   *     does not allow it
   * @throws IllegalStateException if the memory is closed
   */
  public ByteBuffer mapReadOnly() throws ErrnoException {
    return map(PROT_READ, 0, (int) region.size());
  }

  /**
   * Maps a part of the memory. It stays mapped, also when the memory is closed, until {@link
   * #unmap} or until neither the buffer nor a view of it is reachable.
   *
   * @param prot {@link OsConstants#PROT_READ} or {@link OsConstants#PROT_WRITE} or both, or'ed.
   *     What may be written may be read too. {@link OsConstants#PROT_EXEC} besides asks whether the
   *     protection allows it, and has no other effect
   * @param offset where the part begins, in bytes, from 0: a multiple of the page size
   * @param length the part's length in bytes, greater than 0
   * @return a new direct buffer in big-endian order, read-only without {@link
   *     OsConstants#PROT_WRITE}
   * @throws ErrnoException if the kernel refuses; with {@link OsConstants#EINVAL} if the offset is
   *     not a multiple of the page size, with {@link OsConstants#EPERM} if the protection does not
   *     allow it
   * @throws IllegalArgumentException if the protection is not as above, or the part is empty or not
   *     within the memory
   * @throws IllegalStateException if the memory is closed
   */
  public ByteBuffer map(int prot, int offset, int length) throws ErrnoException {
    requireOpen();
    requireKnown(prot);
    if ((prot & (PROT_READ | PROT_WRITE)) == 0) {
      throw new IllegalArgumentException("a buffer needs PROT_READ or PROT_WRITE");
    }
    if (offset < 0 || length <= 0 || length > region.size() - offset) {
      throw new IllegalArgumentException(
          "offset " + offset + " and length " + length + " name no part of " + region);
    }
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
   * Takes the memory's bytes away from a buffer and all views of it. From then on they throw {@link
   * IllegalStateException}; before Java 22 they read zeros, or what was written to them since. Does
   * nothing when it did before.
   *
   * @param buffer a buffer that {@link #map}, {@link #mapReadWrite} or {@link #mapReadOnly}
   *     returned, itself: not a slice or duplicate of it
   * @throws IllegalArgumentException if the buffer is another
   * @throws AshmemException if the kernel refuses, for want of memory; the buffer is then still
   *     mapped
   */
  public static void unmap(ByteBuffer buffer) {
    Mapping mapping = Mappings.of(buffer);
    if (mapping == null) {
      throw new IllegalArgumentException("not a buffer that SharedMemory mapped: " + buffer);
    }
    mapping.close();
  }

  /** Closes the memory's descriptor. Mappings stay. Does nothing when it did before. */
  @Override
  public void close() {
    region.close();
  }

  /** Creates a region, as Android's classes take a name and a size, and refuse. */
  static AshmemRegion createRegion(@Nullable String name, int size) throws ErrnoException {
    AshmemRegion.Builder builder = AshmemRegion.builder().size(size);
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
    // Stops before the first character that does not fit.
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
    if ((prot & ~(PROT_READ | PROT_WRITE | PROT_EXEC)) != 0) {
      throw new IllegalArgumentException(
          "a protection is of PROT_READ, PROT_WRITE and PROT_EXEC, not " + prot);
    }
  }

  private void requireOpen() {
    if (!region.isOpen()) {
      throw new IllegalStateException(region + " is closed");
    }
  }
}
