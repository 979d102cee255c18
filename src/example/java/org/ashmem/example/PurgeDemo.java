// SPDX-License-Identifier: Apache-2.0
package org.ashmem.example;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.LongBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.ashmem.AshmemException;
import org.ashmem.AshmemRegion;
import org.ashmem.Mapping;
import org.ashmem.PinResult;

/**
 * Demonstrates the library in one run. Unpinned memory stays until the process reaches a memory
 * limit. Then the kernel purges it instead of killing the process. Pinning reports which blocks
 * were purged.
 *
 * <p>The demo needs root, because it creates a cgroup, and a machine with the module. The exit
 * status is 0 on success, 1 on a wrong result, and 2 if the demo cannot run on this machine.
 */
public final class PurgeDemo {
  private static final long MIB = 1L << 20;
  private static final int BLOCKS = 64;
  private static final int BLOCK = (int) MIB;
  private static final int WORDS = BLOCK / Long.BYTES;
  private static final int PINNED_BLOCKS = BLOCKS / 4;

  /** How far the limit of the cgroup is above its current usage, in bytes. */
  private static final long ROOM = 4 * MIB;

  /** How much memory the demo then allocates, in MiB. */
  private static final int APPETITE = 24;

  private final Cgroup cgroup;
  private final AshmemRegion region;
  private final LongBuffer words;
  private final char[] picture = new char[BLOCKS];
  private int steps;

  private PurgeDemo(Cgroup cgroup, AshmemRegion region, Mapping mapping) {
    this.cgroup = cgroup;
    this.region = region;
    this.words = mapping.buffer().order(ByteOrder.nativeOrder()).asLongBuffer();
    Arrays.fill(picture, 'P');
  }

  /**
   * Runs the demo.
   *
   * @param args none
   */
  public static void main(String[] args) {
    System.exit(run());
  }

  private static int run() {
    try (Cgroup cgroup = new Cgroup("ashmem-demo");
        AshmemRegion region = AshmemRegion.create("demo", BLOCKS * MIB);
        Mapping mapping = region.map()) {
      return new PurgeDemo(cgroup, region, mapping).show() ? 0 : 1;
    } catch (AshmemException | UnsatisfiedLinkError e) {
      say("The demo cannot run: " + e.getMessage());
      return 2;
    } catch (IOException e) {
      say("The demo cannot run: it needs root and cgroups of version 2 at /sys/fs/cgroup: " + e);
      return 2;
    }
  }

  private boolean show() throws IOException {
    step("Create a region of 64 MiB by AshmemRegion.create(\"demo\", 67108864)");
    answer("name and size    " + region.name() + ", " + region.size() + " bytes");
    answer("protection       " + region.protection());
    answer("backing file     inode " + region.fileId());
    answer("pin status       " + region.pinStatus());

    step("Map it and fill it: each word of 8 bytes encodes its position");
    for (int block = 0; block < BLOCKS; block++) {
      Pattern.fill(block(block), (long) block * WORDS);
    }
    answer("/proc/self/maps  " + mapsLine());
    answer("this JVM         in " + cgroup.path() + ", which holds " + mib(cgroup.usage()));

    step("Unpin three quarters of it, block by block: from now on the kernel may purge them");
    for (int block = PINNED_BLOCKS; block < BLOCKS; block++) {
      region.unpin(block * MIB, MIB);
      picture[block] = 'u';
    }
    answer(
        "pin status       "
            + region.pinStatus(0, PINNED_BLOCKS * MIB)
            + " (first quarter), "
            + region.pinStatus(PINNED_BLOCKS * MIB, MIB)
            + " (the rest)");
    draw("P pinned, u unpinned");

    boolean limitWasHit = exceedLimit();

    step("Pin it again, block by block, and compare every byte");
    int purged = 0;
    int broken = 0;
    for (int block = 0; block < BLOCKS; block++) {
      boolean neverUnpinned = block < PINNED_BLOCKS;
      PinResult result = neverUnpinned ? PinResult.NOT_PURGED : region.pin(block * MIB, MIB);
      boolean whole = Pattern.mismatch(block(block), (long) block * WORDS) < 0;
      if (result == PinResult.WAS_PURGED) {
        purged++;
        picture[block] = '.';
      } else if (whole) {
        picture[block] = neverUnpinned ? 'P' : '#';
      } else {
        broken++;
        picture[block] = '!';
      }
    }
    int intact = BLOCKS - PINNED_BLOCKS - purged - broken;
    answer("NOT_PURGED       " + intact + " blocks, and every byte of them is correct");
    answer("WAS_PURGED       " + purged + " blocks, which need new content");
    if (broken > 0) {
      answer("BROKEN           " + broken + " blocks that should be intact have wrong bytes");
    }
    draw("P never unpinned, # intact, . purged" + (broken == 0 ? "" : ", ! broken"));

    step("Fill the purged blocks again, and compare all 64 MiB");
    cgroup.unlimit();
    int wrong = 0;
    for (int block = 0; block < BLOCKS; block++) {
      if (picture[block] == '.') {
        Pattern.fill(block(block), (long) block * WORDS);
        picture[block] = '+';
      }
      if (Pattern.mismatch(block(block), (long) block * WORDS) >= 0) {
        wrong++;
      }
    }
    answer("filled again     " + purged + " blocks");
    answer("wrong now        " + wrong + " blocks");
    draw("P never unpinned, # never purged, + filled again");

    say("");
    boolean good = limitWasHit && purged > 0 && broken == 0 && wrong == 0;
    say("Summary");
    say("  The cgroup's limit was " + (limitWasHit ? "hit" : "NOT hit") + ".");
    say("  48 blocks of 1 MiB were unpinned; " + purged + " of them lost at least one page.");
    say("  Of the others and the 16 blocks never unpinned, " + broken + " have a wrong byte.");
    say("  " + (good ? "All as it should be." : "NOT as it should be."));
    return good;
  }

  /** Reaches the limit of the cgroup by allocating memory that is not part of the region. */
  private boolean exceedLimit() throws IOException {
    step("Limit the cgroup to 4 MiB more than it holds, and allocate 24 MiB");
    long limit = cgroup.usage() + ROOM;
    cgroup.limit(limit);
    long hitsBefore = cgroup.events("max");
    answer("memory.max       " + mib(limit));
    List<ByteBuffer> other = new ArrayList<>();
    for (int i = 0; i < APPETITE; i++) {
      other.add(ByteBuffer.allocateDirect(BLOCK));
    }
    long hits = cgroup.events("max") - hitsBefore;
    answer("allocated        " + other.size() + " MiB of direct buffers, filled with zeros");
    answer("memory.current   " + mib(cgroup.usage()));
    answer(
        "memory.events    max "
            + hits
            + ", oom_kill "
            + cgroup.events("oom_kill")
            + " (times the limit was hit, processes killed)");
    return hits > 0;
  }

  private LongBuffer block(int block) {
    return words.slice(block * WORDS, WORDS);
  }

  private static String mapsLine() throws IOException {
    try (var lines = Files.lines(Path.of("/proc/self/maps"))) {
      return lines
          .filter(line -> line.contains("/dev/ashmem/demo"))
          .findFirst()
          .map(line -> line.replaceAll(" +", " "))
          .orElseThrow(() -> new IOException("/proc/self/maps does not show the region"));
    }
  }

  private void step(String what) {
    steps++;
    say("");
    say(steps + ". " + what);
  }

  private static void answer(String text) {
    say("   " + text);
  }

  /** Draws one character for each block of 1 MiB. */
  private void draw(String legend) {
    answer("[" + new String(picture) + "]  " + legend);
  }

  private static String mib(long bytes) {
    return String.format("%.1f MiB", (double) bytes / MIB);
  }

  private static void say(String line) {
    System.out.println(line);
  }
}
