// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.io.Writer;
import java.util.Set;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Two processes that share a region. */
class SharingIT {
  private static final long PAGE = AshmemRegion.pageSize();

  /** The child adopts the descriptor and executes one command per line of its input. */
  static final class Child {
    private Child() {}

    public static void main(String[] args) throws IOException {
      PrintStream out = new PrintStream(System.out, true, UTF_8);
      try (AshmemRegion region =
              AshmemRegion.fromFileDescriptor(RegionDescriptor.of(Integer.parseInt(args[0])));
          Mapping mapping = region.map();
          BufferedReader in = new BufferedReader(new InputStreamReader(System.in, UTF_8))) {
        out.println(region.name() + " " + region.size() + " " + region.fileId());
        for (String line = in.readLine(); line != null; line = in.readLine()) {
          String[] words = line.split(" ", -1);
          long first = Long.parseLong(words[1]);
          Object answer =
              switch (words[0]) {
                case "get" -> mapping.buffer().getLong((int) first);
                case "put" ->
                    mapping.buffer().putLong((int) first, Long.parseLong(words[2])).get(0);
                case "pin" -> region.pin(first, Long.parseLong(words[2]));
                case "unpin" -> {
                  region.unpin(first, Long.parseLong(words[2]));
                  yield "unpinned";
                }
                case "status" -> region.pinStatus(first, Long.parseLong(words[2]));
                case "protect" -> {
                  region.setProtection(Protection.of((int) first));
                  yield region.protection();
                }
                default -> "unknown command: " + line;
              };
          out.println(answer);
        }
      }
    }
  }

  @Test
  @Tag("device")
  void childSharesBytesPinsAndProtection() throws Exception {
    try (AshmemRegion region = AshmemRegion.create("shared", 4 * PAGE);
        Mapping mapping = region.map()) {
      mapping.buffer().putLong(8, 0x0123456789abcdefL);
      int fd = region.dup().detach();
      Process child = ChildJvm.start(ProcessHandle.current().pid(), fd, Child.class);
      try (BufferedReader out = child.inputReader(UTF_8);
          Writer in = child.outputWriter(UTF_8)) {
        assertEquals("shared " + 4 * PAGE + " " + region.fileId(), out.readLine());
        assertEquals(0, Shim.close(fd));

        // Both processes see the bytes that the other one writes.
        assertEquals(Long.toString(0x0123456789abcdefL), ask(in, out, "get 8"));
        ask(in, out, "put 16 77");
        assertEquals(77, mapping.buffer().getLong(16));

        // Pins belong to the region: either process can unpin, and either can find a purge, once.
        assertEquals("PINNED", ask(in, out, "status 0 " + PAGE));
        assertEquals("unpinned", ask(in, out, "unpin 0 " + PAGE));
        assertEquals(PinStatus.UNPINNED, region.pinStatus(0, PAGE));
        assertEquals(PinStatus.PINNED, region.pinStatus(PAGE, PAGE));
        region.unpin(PAGE, PAGE);
        assertEquals("UNPINNED", ask(in, out, "status " + PAGE + " " + PAGE));
        assertEquals(2, AshmemRegion.purgeAllCaches());
        assertEquals("0", ask(in, out, "get 8"));
        assertEquals(0, mapping.buffer().getLong(8));
        assertEquals(PinResult.WAS_PURGED, region.pin(0, PAGE));
        assertEquals("NOT_PURGED", ask(in, out, "pin 0 " + PAGE));
        assertEquals("WAS_PURGED", ask(in, out, "pin " + PAGE + " " + PAGE));
        assertEquals(PinStatus.PINNED, region.pinStatus());

        // A protection that the child drops is dropped for both. Existing mappings keep theirs.
        assertEquals("[READ]", ask(in, out, "protect 1"));
        assertEquals(Set.of(Protection.READ), region.protection());
        try (Mapping later = region.map()) {
          assertTrue(later.isReadOnly());
        }
        ask(in, out, "put 24 78");
        assertEquals(78, mapping.buffer().getLong(24));

        // The child dies and leaves a range unpinned. The region stays usable here.
        ask(in, out, "unpin 0 " + 2 * PAGE);
        ChildJvm.kill(child);
        assertEquals(PinStatus.UNPINNED, region.pinStatus(PAGE, PAGE));
        assertEquals(PinResult.NOT_PURGED, region.pin());
        assertEquals(78, mapping.buffer().getLong(24));
      } finally {
        child.destroyForcibly();
      }
    }
  }

  static String ask(Writer in, BufferedReader out, String line) throws IOException {
    in.write(line + "\n");
    in.flush();
    return out.readLine();
  }
}
