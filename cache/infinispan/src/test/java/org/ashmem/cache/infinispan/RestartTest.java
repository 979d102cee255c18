// SPDX-License-Identifier: Apache-2.0
package org.ashmem.cache.infinispan;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Supplier;
import org.ashmem.cache.Codec;
import org.infinispan.client.hotrod.RemoteCache;
import org.infinispan.client.hotrod.RemoteCacheManager;
import org.infinispan.client.hotrod.exceptions.HotRodClientException;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/**
 * Servers that die and come back. Infinispan's own near cache is not asked beside ours: it keeps
 * what it reads while nobody would invalidate it, and does not keep a key again whose read failed.
 */
class RestartTest {
  private final Cluster cluster = Cluster.shared();
  private final PurgeableNearCacheFactory factory =
      new PurgeableNearCacheFactory(Codec.string(), cache -> cache.maximumBytes(4 << 20));
  private final RemoteCacheManager nearClient = cluster.client(factory, cache -> {});
  private final RemoteCacheManager otherClient = cluster.client(null, cache -> {});
  private final RemoteCache<String, String> near = nearClient.getCache(Cluster.CACHE);
  private final RemoteCache<String, String> other = otherClient.getCache(Cluster.CACHE);

  @AfterEach
  void close() {
    otherClient.close();
    nearClient.close();
    factory.close();
  }

  /** Asks again as long as servers that are gone are asked. */
  private static <T> T retried(Supplier<T> call) {
    AtomicReference<T> answer = new AtomicReference<>();
    Cluster.await(
        () -> {
          try {
            answer.set(call.get());
            return true;
          } catch (HotRodClientException e) {
            return false;
          }
        });
    return answer.get();
  }

  private String read() {
    return retried(() -> near.get("key"));
  }

  /** Waits until the near cache answers, which it does while it is connected for invalidations. */
  private void awaitNear(String value) {
    Cluster.await(
        () -> {
          long hits = near.clientStatistics().getNearCacheHits();
          assertEquals(value, read());
          return near.clientStatistics().getNearCacheHits() > hits;
        });
    for (int i = 0; i < 100; i++) {
      assertEquals(value, read());
    }
  }

  /** Another client writes, while this one is connected for invalidations. */
  private void write(String value) {
    String unused = retried(() -> other.put("key", value));
    Cluster.await(() -> value.equals(read()));
    awaitNear(value);
  }

  @Test
  void nothingIsStaleAfterServersDied() throws Exception {
    write("both serve");
    // The connection for invalidations is to one of them.
    for (int server = 0; server < Cluster.SERVERS; server++) {
      String value = "server " + server + " dies next";
      write(value);
      cluster.kill(server);
      awaitNear(value);
      write("server " + server + " is dead");
      cluster.start(server);
      cluster.awaitBoth();
    }
    write("both die next");
    cluster.kill(0);
    cluster.kill(1);
    Cluster.await(
        () -> {
          try {
            assertEquals("both die next", near.get("key"));
            return false;
          } catch (HotRodClientException e) {
            return true;
          }
        });
    assertThrows(HotRodClientException.class, () -> near.get("key"));
    cluster.start(0);
    cluster.start(1);
    cluster.awaitBoth();
    // The new servers know nothing.
    assertNull(read());
    String unused = retried(() -> other.put("key", "both serve again"));
    assertEquals("both serve again", read());
    awaitNear("both serve again");
    write("all is well");
  }
}
