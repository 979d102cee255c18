// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * A limit of the memory that this process may use: that of a cgroup, or the memory of the machine.
 * The files stay open, so that they can be read when the process has no descriptor free.
 *
 * <p>Thread-safe. The monitor of this object protects its fields.
 */
final class MemoryLimit implements AutoCloseable {
  /** More than any machine has. Cgroups of version 1 without a limit have a limit above this. */
  static final long NONE = 1L << 60;

  /** The bounds of the margin, in bytes. */
  private static final long LEAST_MARGIN = 4 << 20;

  private static final long MOST_MARGIN = 64 << 20;

  /** More than a program takes in the time for which it is not read again. */
  private static final long PLENTY = 1 << 30;

  private static final long FRESH = TimeUnit.MILLISECONDS.toNanos(200);

  private final List<RandomAccessFile> open = new ArrayList<>();

  /** Longer than any of the files. */
  private final byte[] buffer = new byte[16 << 10];

  /** The files that contain a limit: the lowest one counts. None for the machine. */
  private final List<RandomAccessFile> limits = new ArrayList<>();

  /** The file that contains the memory in use. Null for the machine. */
  private final @Nullable RandomAccessFile usage;

  /** A file of names and numbers. */
  private final RandomAccessFile stat;

  /** What precedes the names in {@link #stat}. */
  private final String prefix;

  private final Path place;

  /** What was read last, and when. */
  private Room last = new Room(0, 0);

  private long readAt;

  /**
   * What is left below a limit, in bytes.
   *
   * @param room the memory that is left, negative if the limit is exceeded
   * @param margin the memory that should be left: what processes may take until the next look
   */
  record Room(long room, long margin) {
    /** Returns whether the margin would not be left after the use of so many bytes. */
    boolean isShort(long expected) {
      // More than a second margin is never kept: it may be that the bytes are never used.
      return room - margin < Math.min(expected, margin);
    }
  }

  private MemoryLimit(
      Path place, List<String> limits, @Nullable String usage, String stat, String prefix)
      throws IOException {
    this.place = place;
    this.prefix = prefix;
    try {
      for (String each : limits) {
        this.limits.add(open(each));
      }
      this.usage = usage == null ? null : open(usage);
      this.stat = open(stat);
      Room unused = look();
    } catch (Throwable e) {
      close();
      throw e;
    }
  }

  /** Opens the limits of a cgroup of version 2. */
  static MemoryLimit ofVersion2(Path cgroup) throws IOException {
    return new MemoryLimit(
        cgroup, List.of("memory.max", "memory.high"), "memory.current", "memory.stat", "");
  }

  /** Opens the limit of a cgroup of version 1. */
  static MemoryLimit ofVersion1(Path cgroup) throws IOException {
    return new MemoryLimit(
        cgroup, List.of("memory.limit_in_bytes"), "memory.usage_in_bytes", "memory.stat", "total_");
  }

  /** Opens the figures of the machine's memory, in the folder /proc. */
  static MemoryLimit ofMachine(Path proc) throws IOException {
    return new MemoryLimit(proc, List.of(), null, "meminfo", "");
  }

  private RandomAccessFile open(String name) throws IOException {
    RandomAccessFile file = new RandomAccessFile(place.resolve(name).toFile(), "r");
    open.add(file);
    return file;
  }

  /**
   * Returns what is left. If that was plenty a moment ago, it is not read again. Without a limit,
   * more is left than any process can use.
   */
  synchronized Room room() {
    if (last.room < PLENTY || System.nanoTime() - readAt > FRESH) {
      try {
        last = look();
      } catch (IOException e) {
        // The cgroup was removed: this process is in another one.
        last = new Room(NONE, MOST_MARGIN);
      }
      readAt = System.nanoTime();
    }
    return last;
  }

  /** Returns the limit in bytes; {@link #NONE} or more if there is none, as for the machine. */
  synchronized long bytes() {
    try {
      return lowest();
    } catch (IOException e) {
      // The cgroup was removed: this process is in another one.
      return NONE;
    }
  }

  /** Returns whether this is the machine, and it has memory for every process. */
  boolean isAmpleMachine() {
    return usage == null && room().room() >= PLENTY;
  }

  private Room look() throws IOException {
    if (usage == null) {
      String figures = text(stat);
      long total = 1024 * value(figures, "MemTotal:");
      if (total == 0) {
        throw new IOException(place + " does not tell the machine's memory");
      }
      return new Room(1024 * value(figures, "MemAvailable:"), margin(total));
    }
    long limit = lowest();
    long margin = margin(limit);
    if (limit == NONE) {
      return new Room(NONE, margin);
    }
    long room = limit - number(usage);
    if (room < 3 * margin) {
      // Reading this file takes the kernel longer.
      String figures = text(stat);
      room += Math.max(0, value(figures, "inactive_file ") - unwritten(figures));
    }
    return new Room(room, margin);
  }

  private long lowest() throws IOException {
    long lowest = NONE;
    for (RandomAccessFile each : limits) {
      lowest = Math.min(lowest, number(each));
    }
    return lowest;
  }

  /** Returns the bytes of the page cache that the kernel must write before it can drop them. */
  private long unwritten(String figures) throws IOException {
    String file = prefix.isEmpty() ? "file_" : "";
    return value(figures, file + "dirty ") + value(figures, file + "writeback ");
  }

  private static long margin(long limit) {
    return Math.max(LEAST_MARGIN, Math.min(limit / 16, MOST_MARGIN));
  }

  private long number(RandomAccessFile file) throws IOException {
    String text = text(file).strip();
    return text.equals("max") ? NONE : number(text);
  }

  private long number(String text) throws IOException {
    try {
      return Long.parseLong(text);
    } catch (NumberFormatException e) {
      throw new IOException(place + ": " + text, e);
    }
  }

  private String text(RandomAccessFile file) throws IOException {
    file.seek(0);
    int length = file.read(buffer);
    return new String(buffer, 0, Math.max(0, length), ISO_8859_1);
  }

  /** Returns the number after a name at the start of a line; 0 if no line has the name. */
  private long value(String figures, String name) throws IOException {
    String start = prefix + name;
    for (String line : (Iterable<String>) figures.lines()::iterator) {
      if (line.startsWith(start)) {
        return number(line.substring(start.length()).replace("kB", "").strip());
      }
    }
    return 0;
  }

  @Override
  public synchronized void close() {
    for (RandomAccessFile each : open) {
      try {
        each.close();
      } catch (IOException e) {
        // The descriptor is free.
      }
    }
  }

  @Override
  public String toString() {
    return place.toString();
  }
}
