// SPDX-License-Identifier: Apache-2.0
package org.ashmem;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.lang.reflect.InvocationTargetException;
import java.net.SocketTimeoutException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.newsclub.net.unix.AFUNIXServerSocket;

/**
 * Region channels on virtual threads that share one carrier thread. Before Java 21 the threads are
 * ordinary ones.
 */
class VirtualThreadIT {
  private static final List<String> ONE_CARRIER =
      List.of(
          "-Djdk.virtualThreadScheduler.parallelism=1",
          "-Djdk.virtualThreadScheduler.maxPoolSize=1");

  /** Both ends of a connection. */
  private record Pair(RegionChannel from, RegionChannel to) {
    static Pair connect(AFUNIXServerSocket server, Path path) throws Exception {
      return new Pair(RegionChannel.connect(path), RegionChannel.of(server.accept().getChannel()));
    }
  }

  /** A thread and what it returns. */
  private record Task<T>(Thread thread, FutureTask<T> result) {
    T get() throws Exception {
      return result.get();
    }
  }

  /** Prints a line for each thing that works. */
  static final class Program {
    private static final int MANY = 1000;

    private Program() {}

    public static void main(String[] args) throws Exception {
      Path path = Path.of(args[0]);
      try (AFUNIXServerSocket server = AFUNIXServerSocket.bindOn(path, true)) {
        waitersOfSeveralSockets(server, path);
        waitersOfOneSocket(server, path);
        fullSocket(server, path);
        timeout(server, path);
        interrupt(server, path);
        close(server, path);
      }
      Await.until(
          () ->
              Thread.getAllStackTraces().keySet().stream()
                  .noneMatch(thread -> thread.getName().equals("ashmem-poller")));
      System.out.println("the poller has ended");
    }

    private static void waitersOfSeveralSockets(AFUNIXServerSocket server, Path path)
        throws Exception {
      List<Pair> pairs = new ArrayList<>();
      List<Task<Long>> tasks = new ArrayList<>();
      for (int i = 0; i < 4; i++) {
        Pair pair = Pair.connect(server, path);
        pairs.add(pair);
        tasks.add(start(() -> receive(pair.to)));
      }
      for (int i = 3; i >= 0; i--) {
        Pair pair = pairs.get(i);
        int size = i + 1;
        start(() -> send(pair.from, size)).get();
        System.out.println("received " + tasks.get(i).get());
      }
    }

    private static void waitersOfOneSocket(AFUNIXServerSocket server, Path path) throws Exception {
      Pair pair = Pair.connect(server, path);
      List<Task<Long>> tasks = new ArrayList<>();
      for (int i = 0; i < 4; i++) {
        tasks.add(start(() -> receive(pair.to)));
      }
      for (int i = 0; i < 4; i++) {
        start(() -> send(pair.from, 10)).get();
      }
      long sum = 0;
      for (Task<Long> task : tasks) {
        sum += task.get();
      }
      System.out.println("together " + sum);
    }

    private static void fullSocket(AFUNIXServerSocket server, Path path) throws Exception {
      Pair pair = Pair.connect(server, path);
      Task<Long> sender =
          start(
              () -> {
                try (AshmemRegion region = AshmemRegion.create("many", 1)) {
                  for (int i = 0; i < MANY; i++) {
                    pair.from.send(region);
                  }
                }
                return 0L;
              });
      Task<Long> receiver =
          start(
              () -> {
                long sum = 0;
                for (int i = 0; i < MANY; i++) {
                  sum += receive(pair.to);
                }
                return sum;
              });
      sender.get();
      System.out.println("many " + receiver.get());
    }

    private static void timeout(AFUNIXServerSocket server, Path path) throws Exception {
      Pair pair = Pair.connect(server, path);
      pair.to.socket().socket().setSoTimeout(50);
      try {
        start(() -> receive(pair.to)).get();
      } catch (ExecutionException e) {
        System.out.println(e.getCause() instanceof SocketTimeoutException ? "timeout" : e);
      }
    }

    private static void interrupt(AFUNIXServerSocket server, Path path) throws Exception {
      Pair pair = Pair.connect(server, path);
      Task<Boolean> receiver =
          start(
              () -> {
                receive(pair.to);
                return Thread.currentThread().isInterrupted();
              });
      receiver.thread.interrupt();
      start(() -> send(pair.from, 1)).get();
      System.out.println("interrupted " + receiver.get());
    }

    private static void close(AFUNIXServerSocket server, Path path) throws Exception {
      Pair pair = Pair.connect(server, path);
      List<Task<Long>> receivers =
          List.of(start(() -> receive(pair.to)), start(() -> receive(pair.to)));
      start(
              () -> {
                pair.to.close();
                return true;
              })
          .get();
      for (Task<Long> receiver : receivers) {
        try {
          receiver.get();
        } catch (ExecutionException e) {
          System.out.println(e.getCause() instanceof ClosedException ? "closed" : e);
        }
      }
    }

    private static long receive(RegionChannel channel) throws Exception {
      try (AshmemRegion region = channel.receive()) {
        return region.size();
      }
    }

    private static long send(RegionChannel channel, long size) throws Exception {
      try (AshmemRegion region = AshmemRegion.create("virtual", size)) {
        channel.send(region);
      }
      return size;
    }

    private static <T> Task<T> start(Callable<T> callable) throws Exception {
      FutureTask<T> result = new FutureTask<>(callable);
      try {
        return new Task<>(
            (Thread)
                Thread.class.getMethod("startVirtualThread", Runnable.class).invoke(null, result),
            result);
      } catch (NoSuchMethodException e) {
        Thread thread = new Thread(result);
        thread.start();
        return new Task<>(thread, result);
      } catch (InvocationTargetException e) {
        throw new AssertionError(e);
      }
    }
  }

  @Test
  void waitsHoldNoCarrier(@TempDir Path directory) throws Exception {
    List<String> options = new ArrayList<>(ONE_CARRIER);
    try (AshmemRegion region = AshmemRegion.create("virtual", 1)) {
      options.add("-Dorg.ashmem.backend=" + region.backend());
    }
    ChildJvm.Result result =
        ChildJvm.run(
            ChildJvm.command(options, Program.class, directory.resolve("socket").toString()));
    assertEquals(
        List.of(
            "received 4",
            "received 3",
            "received 2",
            "received 1",
            "together 40",
            "many 1000",
            "timeout",
            "interrupted true",
            "closed",
            "closed",
            "the poller has ended"),
        result.output().lines().toList(),
        result.output());
  }
}
