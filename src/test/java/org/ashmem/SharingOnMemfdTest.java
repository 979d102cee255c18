// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.newsclub.net.unix.AFUNIXServerSocket;

/** Processes that pass regions on memfd to each other: JVMs, and a program in C. */
@ExtendWith(OnMemfd.class)
class SharingOnMemfdTest {
  private static final int PAGE = (int) AshmemRegion.pageSize();

  /** The number of {@link Adder}s. */
  private static final int MANY = 10;

  private static final int ADDITIONS = 10_000;

  /**
   * Receives a read-only region, and sends one of its own, sealed or not, as in docs/SHARING.md.
   */
  private static final String IN_C =
      """
      #define _GNU_SOURCE
      #include <errno.h>
      #include <fcntl.h>
      #include <stdio.h>
      #include <string.h>
      #include <sys/mman.h>
      #include <sys/socket.h>
      #include <sys/stat.h>
      #include <sys/un.h>
      #include <unistd.h>

      int main(int argc, char **argv)
      {
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        union { char bytes[CMSG_SPACE(sizeof(int))]; struct cmsghdr aligned; } control = { 0 };
        char byte = 0;
        struct iovec data = { &byte, 1 };
        struct msghdr m = { .msg_iov = &data, .msg_iovlen = 1, .msg_control = &control,
                            .msg_controllen = sizeof(control) };
        int s = socket(AF_UNIX, SOCK_STREAM, 0), fd = -1, own;
        struct stat status;
        long long *longs;

        strncpy(address.sun_path, argv[1], sizeof(address.sun_path) - 1);
        if (connect(s, (struct sockaddr *)&address, sizeof(address)) ||
            recvmsg(s, &m, MSG_CMSG_CLOEXEC) != 1 || !CMSG_FIRSTHDR(&m))
          return 1;
        memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof(fd));
        if (fstat(fd, &status))
          return 2;
        if (mmap(NULL, status.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) != MAP_FAILED ||
            errno != EPERM)
          return 3;
        longs = mmap(NULL, status.st_size, PROT_READ, MAP_SHARED, fd, 0);
        if (longs == MAP_FAILED)
          return 4;
        printf("%lld bytes, %lld\\n", (long long)status.st_size, longs[1]);

        own = memfd_create("from C", MFD_CLOEXEC | MFD_ALLOW_SEALING);
        if (ftruncate(own, 4096) || pwrite(own, "seven", 5, 7) != 5)
          return 5;
        if (argc == 2 && fcntl(own, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW))
          return 6;
        memcpy(CMSG_DATA(CMSG_FIRSTHDR(&m)), &own, sizeof(own));
        return sendmsg(s, &m, 0) == 1 ? 0 : 7;
      }
      """;

  @TempDir private Path directory;

  private AFUNIXServerSocket server;
  private List<Process> children;

  @BeforeEach
  void listen() throws IOException {
    children = new ArrayList<>();
    server = ChildJvm.listen(directory.resolve("socket"));
  }

  /** Checks that a test leaves no descriptor and no mapping. */
  @AfterEach
  void close() throws IOException {
    server.close();
    children.forEach(Process::destroyForcibly);
    assertEquals(List.of(), descriptors());
    assertEquals(List.of(), Maps.lines("/memfd:shared by"));
    assertEquals(List.of(), Maps.lines("/memfd:from C"));
  }

  /** Returns the descriptors of this process that refer to regions of these tests. */
  private static List<String> descriptors() throws IOException {
    List<String> links = new ArrayList<>();
    try (Stream<Path> open = Files.list(Path.of("/proc/self/fd"))) {
      for (Path each : (Iterable<Path>) open::iterator) {
        try {
          links.add(Files.readSymbolicLink(each).toString());
        } catch (IOException e) {
          // This was the descriptor of the directory listing.
        }
      }
    }
    links.removeIf(
        link -> !link.startsWith("/memfd:shared by") && !link.startsWith("/memfd:from C"));
    return links;
  }

  /** Receives a region of longs, and adds to the first long. */
  static final class Adder {
    private Adder() {}

    public static void main(String[] args) throws Exception {
      try (RegionChannel channel = RegionChannel.connect(Path.of(args[0]));
          AshmemRegion region = channel.receive();
          Mapping mapping = region.map()) {
        SharedLongs longs = SharedLongs.of(mapping);
        for (int i = 0; i < ADDITIONS; i++) {
          longs.getAndAdd(0, 1);
        }
        System.out.println(region.backend() + " " + region.name() + " " + region.size());
      }
    }
  }

  @Test
  void tenJvmsAddToOneRegion() throws Exception {
    try (AshmemRegion region = AshmemRegion.create("shared by ten", 2L * PAGE + 8);
        Mapping mapping = region.map()) {
      for (int i = 0; i < MANY; i++) {
        start(Adder.class);
      }
      for (int i = 0; i < MANY; i++) {
        try (RegionChannel channel = accept()) {
          channel.send(region);
        }
      }
      for (Process child : children) {
        assertEquals("MEMFD shared by ten " + (2L * PAGE + 8), said(child));
      }
      assertEquals(MANY * ADDITIONS, SharedLongs.of(mapping).get(0));
    }
  }

  /** Receives a read-only region, prints a value, and prints it again at the end of its input. */
  static final class Reader {
    private Reader() {}

    public static void main(String[] args) throws Exception {
      try (RegionChannel channel = RegionChannel.connect(Path.of(args[0]));
          AshmemRegion region = channel.receive();
          Mapping mapping = region.map()) {
        System.out.println(
            region.name() + " " + mapping.isReadOnly() + " " + mapping.buffer().getLong(8));
        try (Mapping unused = region.map(MapMode.READ_WRITE, 0, PAGE)) {
          System.out.println("it can be written");
        } catch (AshmemException.PermissionDenied e) {
          System.out.println("it cannot be written");
        }
        System.in.read();
        System.out.println(mapping.buffer().getLong(8));
      }
    }
  }

  @Test
  void anotherJvmReadsWhatWasProtected() throws Exception {
    Process child = start(Reader.class);
    try (RegionChannel channel = accept();
        AshmemRegion region = AshmemRegion.create("shared by two", PAGE);
        Mapping mapping = region.map();
        BufferedReader out = child.inputReader(UTF_8)) {
      mapping.buffer().putLong(8, 41);
      region.setProtection(Set.of(Protection.READ));
      channel.send(region);
      assertEquals("shared by two true 41", out.readLine());
      assertEquals("it cannot be written", out.readLine());
      mapping.buffer().putLong(8, 42);
      child.getOutputStream().close();
      assertEquals("42", out.readLine());
      assertEquals(0, child.waitFor());
    }
  }

  @Test
  void receiverThatDiesIsTold() throws Exception {
    Process child = start(SharingOverSocketIT.Deaf.class);
    try (RegionChannel channel = accept();
        BufferedReader out = child.inputReader(UTF_8);
        AshmemRegion region = AshmemRegion.create("shared by nobody", PAGE);
        Mapping mapping = region.map()) {
      assertEquals("connected true", out.readLine());
      mapping.buffer().put(0, (byte) 1);
      channel.send(region);
      ChildJvm.kill(child);
      assertThrows(TransferException.PeerGone.class, () -> channel.send(region));
      assertThrows(TransferException.PeerGone.class, channel::receive);
      assertEquals(PinResult.NOT_PURGED, region.pin());
      assertEquals(1, mapping.buffer().get(0));
    }
  }

  @Test
  void programInCReadsAndSends() throws Exception {
    Process peer = startInC();
    try (RegionChannel channel = accept();
        AshmemRegion region = AshmemRegion.create("shared by C", PAGE + 100L);
        Mapping mapping = region.map()) {
      mapping.buffer().order(ByteOrder.nativeOrder()).putLong(8, 7);
      region.setProtection(Set.of(Protection.READ));
      channel.send(region);
      try (AshmemRegion theirs = channel.receive();
          Mapping bytes = theirs.map()) {
        assertEquals("from C", theirs.name());
        assertEquals(4096, theirs.size());
        assertEquals((byte) 's', bytes.buffer().get(7));
      }
      assertEquals(PAGE + 100 + " bytes, 7", said(peer));
    }
  }

  @Test
  void memoryOfCWhoseSizeIsNotSealedIsNoRegion() throws Exception {
    Process peer = startInC("unsealed");
    try (RegionChannel channel = accept();
        AshmemRegion region = AshmemRegion.create("shared by C", PAGE)) {
      region.setProtection(Set.of(Protection.READ));
      channel.send(region);
      assertThrows(AshmemException.NotRegion.class, channel::receive);
      assertEquals(PAGE + " bytes, 0", said(peer));
    }
  }

  private RegionChannel accept() throws IOException {
    return RegionChannel.of(server.accept().getChannel());
  }

  private Process start(Class<?> main) throws IOException {
    return start(ChildJvm.command(List.of(), main, directory.resolve("socket").toString()));
  }

  private Process start(List<String> command) throws IOException {
    Process child = ChildJvm.start(command);
    children.add(child);
    return child;
  }

  private Process startInC(String... arguments) throws Exception {
    List<String> command =
        new ArrayList<>(
            List.of(
                ChildJvm.compile(directory, IN_C).toString(),
                directory.resolve("socket").toString()));
    command.addAll(List.of(arguments));
    return start(command);
  }

  /** Returns the only line that a process prints, after it has ended with status 0. */
  private static String said(Process child) throws Exception {
    try (BufferedReader out = child.inputReader(UTF_8)) {
      String line = out.readLine();
      assertEquals(0, child.waitFor());
      return line;
    }
  }
}
