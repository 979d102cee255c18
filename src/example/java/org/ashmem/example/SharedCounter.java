// SPDX-License-Identifier: Apache-2.0
package org.ashmem.example;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.ashmem.AshmemRegion;
import org.ashmem.Mapping;
import org.ashmem.RegionChannel;
import org.ashmem.SharedLongs;
import org.newsclub.net.unix.AFUNIXServerSocket;

/** A counter that several JVMs increment at the same time. No JVM waits, and no count is lost. */
public final class SharedCounter {
  private static final int CHILDREN = 3;
  private static final int ROUNDS = 100_000;

  /** How long a child may take to start, in milliseconds. */
  private static final int PATIENCE = 300_000;

  private SharedCounter() {}

  /**
   * Starts three child JVMs that count.
   *
   * @param args none; in a child the path of its parent's socket
   */
  public static void main(String[] args) throws IOException, InterruptedException {
    if (args.length == 1) {
      count(Path.of(args[0]));
    } else {
      countTogether();
    }
  }

  private static void count(Path socket) throws IOException {
    try (RegionChannel channel = RegionChannel.connect(socket);
        AshmemRegion region = channel.receive();
        Mapping mapping = region.map()) {
      SharedLongs counter = SharedLongs.of(mapping);
      for (int i = 0; i < ROUNDS; i++) {
        counter.getAndAdd(0, 1);
      }
    }
  }

  private static void countTogether() throws IOException, InterruptedException {
    // Only this user has access to the folder, so no other user can connect.
    Path folder = Files.createTempDirectory("counter");
    Path socket = folder.resolve("socket");
    List<Process> children = new ArrayList<>();
    try (AFUNIXServerSocket server = AFUNIXServerSocket.bindOn(socket, true);
        AshmemRegion region = AshmemRegion.create("counter", Long.BYTES);
        Mapping mapping = region.map()) {
      server.setSoTimeout(PATIENCE);
      for (int i = 0; i < CHILDREN; i++) {
        children.add(start(socket));
        try (RegionChannel channel = RegionChannel.of(server.accept().getChannel())) {
          channel.send(region);
        }
      }
      for (Process child : children) {
        if (child.waitFor() != 0) {
          throw new IOException("a child failed");
        }
      }
      System.out.println(CHILDREN + " JVMs counted to " + SharedLongs.of(mapping).getVolatile(0));
    } finally {
      children.forEach(Process::destroyForcibly);
      Files.deleteIfExists(socket);
      Files.delete(folder);
    }
  }

  private static Process start(Path socket) throws IOException {
    return new ProcessBuilder(
            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            "--enable-native-access=ALL-UNNAMED",
            "-cp",
            System.getProperty("java.class.path"),
            SharedCounter.class.getName(),
            socket.toString())
        .redirectError(ProcessBuilder.Redirect.INHERIT)
        .start();
  }
}
