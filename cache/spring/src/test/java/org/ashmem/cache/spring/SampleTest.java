// SPDX-License-Identifier: Apache-2.0
package org.ashmem.cache.spring;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.micrometer.core.instrument.MeterRegistry;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicIntegerArray;
import java.util.stream.Stream;
import javax.cache.CacheManager;
import org.ashmem.cache.PurgeableCache;
import org.ashmem.cache.jcache.PurgeableConfiguration;
import org.junit.jupiter.api.Test;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.boot.builder.SpringApplicationBuilder;
import org.springframework.boot.test.context.SpringBootTest;
import org.springframework.boot.test.context.SpringBootTest.WebEnvironment;
import org.springframework.boot.test.web.server.LocalServerPort;
import org.springframework.context.ConfigurableApplicationContext;

/** The sample, as it runs. */
@SpringBootTest(webEnvironment = WebEnvironment.RANDOM_PORT)
class SampleTest {
  private static final Duration TIMEOUT = Duration.ofSeconds(60);

  @Autowired Reports reports;
  @Autowired CacheManager caches;
  @Autowired MeterRegistry meters;
  @LocalServerPort int port;

  private final HttpClient client = HttpClient.newHttpClient();

  private static String send(HttpClient client, HttpRequest.Builder request) throws Exception {
    HttpResponse<String> response =
        client.send(request.timeout(TIMEOUT).build(), HttpResponse.BodyHandlers.ofString());
    assertEquals(200, response.statusCode(), response.body());
    return response.body();
  }

  private HttpRequest.Builder request(String path) {
    return HttpRequest.newBuilder(URI.create("http://localhost:" + port + path));
  }

  private String get(String path) throws Exception {
    return send(client, request(path));
  }

  private void post(String path) throws Exception {
    send(client, request(path).POST(HttpRequest.BodyPublishers.noBody()));
  }

  private double meter(String result) throws Exception {
    String said = get("/actuator/metrics/cache.gets?tag=cache:reports&tag=result:" + result);
    return Double.parseDouble(said.replaceFirst(".*\"value\":([0-9.E]+).*", "$1"));
  }

  @SuppressWarnings("unchecked")
  private static void purge(CacheManager caches) {
    PurgeableCache<Object, ByteBuffer> cache =
        caches.getCache("reports").unwrap(PurgeableCache.class);
    // What is purgeable are segments that are full.
    Object filler = new Object();
    for (int i = 0; i < 2; i++) {
      cache.put(filler, ByteBuffer.allocate(cache.longestValue()));
    }
    cache.invalidate(filler);
    cache.discard();
  }

  @Test
  void aReportIsComputedOnceAndAgainWhenItWasPurged() throws Exception {
    post("/ann/2026?month=2&cents=500");
    post("/ann/2026?month=2&cents=70");
    String right =
        "{\"customer\":\"ann\",\"year\":2026,\"orders\":2,\"cents\":[0,570,0,0,0,0,0,0,0,0,0,0]}";
    int computed = reports.computed();
    double hits = meter("hit");
    double misses = meter("miss");
    for (int round = 1; round <= 3; round++) {
      for (int i = 0; i < 4; i++) {
        assertEquals(right, get("/ann/2026"));
      }
      assertEquals(computed + round, reports.computed());
      assertEquals(hits + 3 * round, meter("hit"));
      assertEquals(misses + round, meter("miss"));
      purge(caches);
    }
    assertTrue(meters.get("cache.resident").tag("cache", "reports").gauge().value() > 0);
  }

  @SuppressWarnings("unchecked")
  private static PurgeableConfiguration<?, ?> configuration(CacheManager caches) {
    return caches.getCache("reports").getConfiguration(PurgeableConfiguration.class);
  }

  @Test
  void theFileConfiguresTheCache() {
    PurgeableConfiguration<?, ?> configuration = configuration(caches);
    assertEquals(32 << 20, configuration.getMaximumBytes());
    assertEquals(
        TimeUnit.HOURS.toMillis(1),
        configuration.getExpiryPolicyFactory().create().getExpiryForCreation().getAdjustedTime(0));
  }

  @Test
  void manyWhoAskAtOnceGetOneReport() throws Exception {
    ExecutorService threads = Executors.newCachedThreadPool();
    try {
      int computed = reports.computed();
      CountDownLatch start = new CountDownLatch(8);
      List<Future<Report>> asked = new ArrayList<>();
      for (int i = 0; i < 8; i++) {
        asked.add(
            threads.submit(
                () -> {
                  start.countDown();
                  start.await();
                  return reports.report("ben", 2026);
                }));
      }
      for (Future<Report> report : asked) {
        assertEquals(0, report.get(60, TimeUnit.SECONDS).orders());
      }
      assertEquals(computed + 1, reports.computed());
    } finally {
      threads.shutdownNow();
    }
  }

  @Test
  void noReportIsWrongWhileAllIsPurgedAtRandom() throws Exception {
    AtomicIntegerArray ordered = new AtomicIntegerArray(4);
    ExecutorService threads = Executors.newCachedThreadPool();
    int computed = reports.computed();
    try {
      List<Future<?>> working = new ArrayList<>();
      for (int i = 0; i < 4; i++) {
        Random random = new Random(i);
        working.add(
            threads.submit(
                () -> {
                  for (int n = 0; n < 1000; n++) {
                    int year = random.nextInt(4);
                    switch (random.nextInt(16)) {
                      case 0 -> purge(caches);
                      case 1 -> {
                        reports.order("cid", year, 12, 1);
                        ordered.incrementAndGet(year);
                      }
                      default -> {
                        int least = ordered.get(year);
                        Report report = reports.report("cid", year);
                        assertTrue(report.orders() >= least, report.orders() + " of " + least);
                        assertEquals("cid", report.customer());
                        assertEquals(year, report.year());
                        assertEquals(report.orders(), report.cents().get(11));
                      }
                    }
                  }
                  return null;
                }));
      }
      for (Future<?> work : working) {
        work.get();
      }
    } finally {
      threads.shutdownNow();
    }
    assertTrue(caches.getCache("reports").unwrap(PurgeableCache.class).statistics().purged() > 0);
    assertTrue(reports.computed() - computed < 4000 / 2, "nothing was cached");
  }

  /** Counts the mappings of caches: the library's, and no others, are not for children. */
  private static long mappings() throws Exception {
    try (Stream<String> lines = Files.lines(Path.of("/proc/self/smaps"))) {
      return lines
          .filter(line -> line.matches("VmFlags:.* dc.*|.*/(memfd:cache|dev/ashmem/cache).*"))
          .count();
    }
  }

  @Test
  void nothingStaysOfAContextThatIsClosed() throws Exception {
    long before = mappings();
    CacheManager others;
    try (ConfigurableApplicationContext context =
        new SpringApplicationBuilder(Sample.class)
            // With the same file it would have the same manager of caches.
            .run(
                "--server.port=0",
                "--spring.cache.jcache.config=",
                "--spring.cache.cache-names=reports")) {
      others = context.getBean(CacheManager.class);
      assertEquals(0, context.getBean(Reports.class).report("dan", 2026).orders());
      assertEquals(
          PurgeableConfiguration.DEFAULT_MAXIMUM_BYTES, configuration(others).getMaximumBytes());
      assertTrue(mappings() > before);
    }
    assertTrue(others.isClosed());
    assertFalse(caches.isClosed());
    assertEquals(before, mappings());
    assertTrue(
        Thread.getAllStackTraces().keySet().stream()
            .noneMatch(thread -> thread.getName().startsWith("ashmem-jcache")));
  }
}
