// SPDX-License-Identifier: Apache-2.0
package org.ashmem.cache.demo;

import java.io.IOException;
import java.net.BindException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Objects;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.ToLongFunction;
import org.ashmem.cache.CacheMemory;
import org.ashmem.cache.CacheStatistics;
import org.ashmem.cache.Codec;
import org.ashmem.cache.PurgeableCache;
import org.jspecify.annotations.Nullable;

/**
 * A server of tiles whose cache may be larger than its container, visitors, and two processes that
 * take memory in the same container when they are asked to.
 *
 * <p>Thread-safe.
 */
final class Demo implements AutoCloseable {
  private static final int ZOOM_LEVELS = 7;
  private static final long SAMPLE_MILLIS = 500;
  private static final long LINE_SECONDS = 5;
  private static final long NEIGHBOUR_BYTES = 200 << 20;

  /** What a process exits with that SIGKILL ended. */
  private static final int KILLED = 128 + 9;

  private static final Path OOM_SCORE = Path.of("/proc/self/oom_score_adj");
  static final String AS_OTHERS = "0";
  private static final String NEVER_CHOSEN = "-1000";

  private final PurgeableCache<String, byte[]> cache;
  private final long maximumBytes;
  private final @Nullable Container container;
  private final long peerBytes;
  private final Sibling neighbour;
  private final Sibling peer;
  private final Load load;
  private final History history = new History();
  private final AtomicLong neighbourMillis = new AtomicLong(-1);
  private final AtomicLong killsBefore = new AtomicLong();
  private final AtomicLong missesBefore = new AtomicLong();

  /** Only the thread that samples uses it. */
  private boolean exempt;

  private final AtomicBoolean peerWasKilled = new AtomicBoolean();
  private final ScheduledExecutorService sampler =
      Executors.newSingleThreadScheduledExecutor(
          task -> {
            Thread thread = new Thread(task, "sampler");
            thread.setDaemon(true);
            return thread;
          });

  /**
   * Starts the visitors.
   *
   * @param maximumBytes that of the cache
   */
  Demo(long maximumBytes) {
    this.maximumBytes = maximumBytes;
    this.cache =
        PurgeableCache.<String, byte[]>builder(Codec.bytes()).maximumBytes(maximumBytes).build();
    this.container = Container.ofThisProcess(maximumBytes).orElse(null);
    // Seven eighths: what somebody gives a cache that has the container for itself.
    this.peerBytes = container == null ? 0 : container.limit() / 8 * 7;
    this.neighbour =
        new Sibling(
            Neighbour.class,
            NEIGHBOUR_BYTES,
            line -> neighbourMillis.set(Long.parseLong(line)),
            status -> ended("neighbour", status));
    this.peer =
        new Sibling(Peer.class, peerBytes, System.out::println, status -> ended("peer", status));
    boolean unusedScore = setOomScore(AS_OTHERS);
    this.load = new Load(Tiles.keys(ZOOM_LEVELS), key -> tile(key, () -> {}));
    sample();
    var unused =
        sampler.scheduleAtFixedRate(
            this::sample, SAMPLE_MILLIS, SAMPLE_MILLIS, TimeUnit.MILLISECONDS);
  }

  /**
   * Returns a tile.
   *
   * @param key the key of a tile that exists
   * @param renders called when the tile is rendered for this request
   */
  byte[] tile(String key, Runnable renders) {
    byte[] file =
        cache.get(
            key,
            same -> {
              renders.run();
              return Tiles.render(same);
            });
    return Objects.requireNonNull(file);
  }

  private void sample() {
    try {
      CacheMemory memory = cache.memory();
      CacheStatistics statistics = cache.statistics();
      history.add(
          new History.Sample(
              History.now(),
              container == null ? 0 : container.usage(),
              memory.residentBytes(),
              memory.givenBackBytes(),
              Sibling.residentBytes(ProcessHandle.current().pid()),
              neighbour.residentBytes(),
              peer.residentBytes(),
              statistics.hits(),
              statistics.misses()));
      protect();
    } catch (RuntimeException e) {
      if (!sampler.isShutdown()) {
        System.err.println("no sample: " + e);
      }
    }
  }

  /**
   * Makes sure that the kernel kills no second process beside the peer. It may choose again while a
   * JVM that it killed still frees its memory, and would find this server alone. So the server is
   * exempt from when the peer holds more, and is the first choice, until there is room again.
   */
  private void protect() {
    if (container == null) {
      return;
    }
    History.Sample last = history.last();
    if (!exempt && last.peer() > last.server()) {
      exempt = setOomScore(NEVER_CHOSEN);
      if (exempt) {
        tell(
            "note",
            "The peer holds more than this server: the kernel will choose it. The server is exempt"
                + " now, as the kernel may choose twice while the peer dies.");
      }
    } else if (exempt && !peer.isRunning() && last.usage() < container.limit() / 10 * 9) {
      exempt = !setOomScore(AS_OTHERS);
    }
  }

  /** Returns false if this process may not do that: it was not started with the right to. */
  static boolean setOomScore(String score) {
    try {
      Files.writeString(OOM_SCORE, score);
      return true;
    } catch (IOException e) {
      return false;
    }
  }

  /** Starts the neighbour, or ends it. */
  void toggleNeighbour() throws IOException {
    if (neighbour.stop()) {
      tell("note", "The neighbour has ended.");
    } else {
      rememberTheStart();
      neighbourMillis.set(-1);
      if (neighbour.start()) {
        tell("note", "The neighbour begins: it takes 200 MiB for 4 s and frees it for 4 s.");
      }
    }
  }

  /** Starts the peer, or ends it. Returns false if that would do harm: without a container. */
  boolean togglePeer() throws IOException {
    if (container == null) {
      return false;
    }
    if (peer.stop()) {
      tell("note", "The peer has ended.");
    } else {
      rememberTheStart();
      missesBefore.set(history.last().misses());
      if (peer.start()) {
        peerWasKilled.set(false);
        tell(
            "note",
            "The peer begins to fill " + mebibytes(peerBytes) + " that it does not give back.");
      }
    }
    return true;
  }

  private void rememberTheStart() {
    killsBefore.set(container == null ? 0 : container.oomKills());
  }

  private void ended(String who, int status) {
    if (status != KILLED || container == null || container.oomKills() == killsBefore.get()) {
      tell("note", "The " + who + " has ended with the status " + status + ".");
      return;
    }
    ToLongFunction<History.Sample> memory =
        who.equals("peer") ? History.Sample::peer : History.Sample::neighbour;
    // A process that is being killed has none.
    History.Sample last = history.last(sample -> memory.applyAsLong(sample) > 0);
    long held = memory.applyAsLong(last);
    String text =
        "The kernel's OOM killer killed the "
            + who
            + ". It was seen last with "
            + mebibytes(held)
            + ", this server with "
            + mebibytes(last.server())
            + ".";
    if (who.equals("peer")) {
      peerWasKilled.set(true);
      long misses = cache.statistics().misses() - missesBefore.get();
      text += " The server goes on; it had " + misses + " misses meanwhile.";
    }
    tell("killed", text);
  }

  /** Drops all of the cache's memory that the kernel might take. */
  void discard() {
    cache.discard();
    tell("note", "The cache dropped all that the kernel might take.");
  }

  private void tell(String kind, String text) {
    history.tell(kind, text);
    System.out.println(text);
  }

  /** Returns all that the page shows, as an object of JSON. Memory is in MiB. */
  String json() {
    return String.format(
        Locale.ROOT,
        "{\"store\":\"%s\",\"maximum\":%.0f,\"container\":%d,\"limit\":%.1f,\"neighbourRuns\":%b,"
            + "\"neighbourMillis\":%d,\"peerRuns\":%b,\"peerKilled\":%b,\"peerCapacity\":%.0f,"
            + "\"reads\":%d,\"wrong\":%d,%s}",
        cache.store(),
        History.mebibytes(maximumBytes),
        container == null ? 0 : container.version(),
        container == null ? 0 : History.mebibytes(container.limit()),
        neighbour.isRunning(),
        neighbourMillis.get(),
        peer.isRunning(),
        peerWasKilled.get(),
        History.mebibytes(peerBytes),
        history.last().hits() + history.last().misses(),
        load.wrong(),
        history.json());
  }

  private String line() {
    History.Sample last = history.last();
    History.Rates rates = history.rates();
    return String.format(
        Locale.ROOT,
        "hit rate %5.1f %%, %3.0f misses/s; resident %s, given back %s; %s",
        100 * rates.hitRate(),
        rates.missesPerSecond(),
        mebibytes(last.resident()),
        mebibytes(last.givenBack()),
        container == null
            ? "no container"
            : "container " + mebibytes(last.usage()) + " of " + mebibytes(container.limit()));
  }

  private static String mebibytes(long bytes) {
    return Math.round(History.mebibytes(bytes)) + " MiB";
  }

  @Override
  public void close() {
    sampler.shutdownNow();
    neighbour.close();
    peer.close();
    load.close();
    cache.close();
  }

  /**
   * Serves until the process is ended. Prints the address, then a line every few seconds.
   *
   * @param arguments the port of the loopback address; 0 takes a free one
   */
  public static void main(String[] arguments) throws IOException, InterruptedException {
    try (Demo demo = new Demo(1L << 30);
        TileServer server = new TileServer(demo, Integer.parseInt(arguments[0]))) {
      if (demo.container == null) {
        System.out.println(
            "No container: this process has no memory limit below 1024 MiB, so nobody takes memory"
                + " away. The page has a button that drops what the kernel might take.");
      } else {
        System.out.println(
            "The container is "
                + demo.container.folder()
                + ", its limit "
                + mebibytes(demo.container.limit())
                + ".");
      }
      System.out.println("The page is at " + server.address() + " (end with Ctrl-C)");
      for (; ; ) {
        TimeUnit.SECONDS.sleep(LINE_SECONDS);
        System.out.println(demo.line());
      }
    } catch (BindException e) {
      System.err.println("Port " + arguments[0] + " cannot be had: " + e.getMessage() + ".");
      System.exit(1);
    }
  }
}
