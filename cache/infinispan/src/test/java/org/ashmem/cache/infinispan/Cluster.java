// SPDX-License-Identifier: Apache-2.0
package org.ashmem.cache.infinispan;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import org.infinispan.client.hotrod.RemoteCache;
import org.infinispan.client.hotrod.RemoteCacheManager;
import org.infinispan.client.hotrod.configuration.ClientIntelligence;
import org.infinispan.client.hotrod.configuration.ConfigurationBuilder;
import org.infinispan.client.hotrod.configuration.NearCacheMode;
import org.infinispan.client.hotrod.configuration.RemoteCacheConfigurationBuilder;
import org.infinispan.client.hotrod.near.NearCacheFactory;

/**
 * Two Infinispan servers in processes of their own, which are one cluster. They listen on the
 * loopback interface alone. All test classes share them; they end with this process.
 */
final class Cluster {
  static final int SERVERS = 2;
  static final String CACHE = "near";

  /** For the heap of a server. */
  private static final String HEAP = System.getProperty("server.heap", "256m");

  /** Ports below those that the kernel gives to a program that asks for any. */
  private static final int FIRST_PORT = 10_000;

  private static final int PORTS = 20_000;
  private static final Path FOLDER = Path.of("target", "servers").toAbsolutePath();

  private static Cluster shared;

  private final Process[] servers = new Process[SERVERS];
  private final Path[] logs = new Path[SERVERS];
  private final int[] ports = freePorts(2 * SERVERS);
  private int starts;

  private Cluster() {}

  /** Returns the cluster, whose servers run. */
  static synchronized Cluster shared() {
    if (shared == null) {
      Cluster cluster = new Cluster();
      cluster.start(0);
      cluster.start(1);
      cluster.awaitBoth();
      shared = cluster;
    }
    return shared;
  }

  private static int[] freePorts(int count) {
    Random random = new Random();
    Set<Integer> ports = new HashSet<>();
    while (ports.size() < count) {
      int port = FIRST_PORT + random.nextInt(PORTS);
      try (ServerSocket socket = new ServerSocket()) {
        socket.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), port));
        ports.add(port);
      } catch (IOException e) {
        // Somebody has it.
      }
    }
    return ports.stream().mapToInt(port -> port).toArray();
  }

  /** Returns where a server can be reached. */
  int port(int server) {
    return ports[server];
  }

  private int clusterPort(int server) {
    return ports[SERVERS + server];
  }

  /** Starts a server. Returns when others may join it, which is before it serves. */
  void start(int server) {
    try {
      Path root = FOLDER.resolve("server-" + server);
      Files.createDirectories(root.resolve("lib"));
      logs[server] = FOLDER.resolve("server-" + server + "-" + ++starts + ".log");
      List<String> command = new ArrayList<>();
      command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
      command.addAll(List.of("-Xmx" + HEAP, "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"));
      command.addAll(List.of("-cp", System.getProperty("java.class.path")));
      command.add("-Dcluster.port=" + clusterPort(server));
      command.add(
          "-Dcluster.hosts=127.0.0.1[" + clusterPort(0) + "],127.0.0.1[" + clusterPort(1) + "]");
      command.add("-Dinfinispan.server.config.path=" + Path.of("src", "test", "resources"));
      command.add("-Dlog.level=INFO");
      command.add(ServerMain.class.getName());
      command.addAll(List.of("-s", root.toString(), "-c", "server.xml", "-l", "log4j2.xml"));
      command.addAll(List.of("-n", "server-" + server, "-p", Integer.toString(port(server))));
      servers[server] =
          new ProcessBuilder(command)
              .redirectErrorStream(true)
              .redirectOutput(logs[server].toFile())
              .start();
      awaitLogged(server, "ISPN000079");
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private void awaitLogged(int server, String message) {
    await(
        () -> {
          assertTrue(servers[server].isAlive(), "a server ended: see " + logs[server]);
          try {
            return Files.readString(logs[server]).contains(message);
          } catch (IOException e) {
            throw new UncheckedIOException(e);
          }
        });
  }

  /** Waits until clients are served by both, and keys are spread over both. */
  void awaitBoth() {
    // A server that is asked before it has started may never do that.
    awaitLogged(0, "ISPN080001");
    awaitLogged(1, "ISPN080001");
    await(
        () -> {
          try (RemoteCacheManager client = client(null, configuration -> {})) {
            RemoteCache<String, String> cache = client.getCache(CACHE);
            return cache != null
                && cache.get("any") == null
                && cache.getCacheTopologyInfo().getSegmentsPerServer().size() == SERVERS;
          } catch (RuntimeException e) {
            return false;
          }
        });
  }

  /** Kills a server, which can do nothing about it. */
  void kill(int server) throws InterruptedException {
    servers[server].destroyForcibly().waitFor();
  }

  /**
   * Returns a client.
   *
   * @param near makes its near cache, or null for none
   * @param options sets more
   */
  RemoteCacheManager client(
      NearCacheFactory near, Consumer<? super RemoteCacheConfigurationBuilder> options) {
    return client(new int[] {port(0), port(1)}, near, options);
  }

  /** The same, with ports that are known. */
  static RemoteCacheManager client(
      int[] ports,
      NearCacheFactory near,
      Consumer<? super RemoteCacheConfigurationBuilder> options) {
    ConfigurationBuilder builder = new ConfigurationBuilder();
    for (int port : ports) {
      builder.addServer().host("127.0.0.1").port(port);
    }
    builder.statistics().enable();
    RemoteCacheConfigurationBuilder cache = builder.remoteCache(CACHE);
    if (near != null) {
      cache.nearCacheMode(NearCacheMode.INVALIDATED).nearCacheMaxEntries(-1).nearCacheFactory(near);
    }
    options.accept(cache);
    return new RemoteCacheManager(builder.build());
  }

  /** Returns a client that knows one server alone. */
  RemoteCacheManager clientOf(int server) {
    return new RemoteCacheManager(
        new ConfigurationBuilder()
            .clientIntelligence(ClientIntelligence.BASIC)
            .addServer()
            .host("127.0.0.1")
            .port(port(server))
            .build());
  }

  /** Waits until something is so, or for what is too long on any machine. */
  static void await(BooleanSupplier condition) {
    long end = System.nanoTime() + TimeUnit.MINUTES.toNanos(3);
    try {
      while (!condition.getAsBoolean()) {
        assertTrue(System.nanoTime() - end < 0, "it does not happen");
        Thread.sleep(5);
      }
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }
}
