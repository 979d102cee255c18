// SPDX-License-Identifier: Apache-2.0
package org.ashmem.cache.jcache;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertIterableEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.InputStream;
import java.io.Serializable;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import javax.cache.Cache;
import javax.cache.CacheException;
import javax.cache.CacheManager;
import javax.cache.configuration.CompleteConfiguration;
import javax.cache.configuration.MutableCacheEntryListenerConfiguration;
import javax.cache.configuration.MutableConfiguration;
import javax.cache.event.CacheEntryCreatedListener;
import javax.cache.event.CacheEntryEvent;
import javax.cache.event.CacheEntryExpiredListener;
import javax.cache.event.CacheEntryRemovedListener;
import javax.cache.event.CacheEntryUpdatedListener;
import javax.cache.expiry.AccessedExpiryPolicy;
import javax.cache.expiry.Duration;
import javax.cache.integration.CacheLoader;
import javax.cache.processor.EntryProcessorException;
import org.ashmem.cache.Codec;
import org.ashmem.cache.Store;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What the TCK does not look at. */
class JCacheTest {
  private final PurgeableCachingProvider provider = new PurgeableCachingProvider();

  @TempDir Path folder;

  @AfterEach
  void close() {
    provider.close();
  }

  private static <K, V> PurgeableConfiguration<K, V> small() {
    return new PurgeableConfiguration<K, V>().setMaximumBytes(2 << 20);
  }

  private CacheManager manager(String... lines) throws Exception {
    Path file = Files.createTempFile(folder, "caches", ".properties");
    Files.write(file, List.of(lines));
    return provider.getCacheManager(file.toUri(), null);
  }

  @Test
  void aFileDescribesCaches() throws Exception {
    CacheManager manager =
        manager(
            "my.cache.maximumBytes=3 MiB",
            "my.cache.minimumBytes=1048576",
            "my.cache.store=lazy",
            "my.cache.codec=bytes",
            "my.cache.expiry=touched PT10M",
            "my.cache.keyType=java.lang.String",
            "my.cache.valueType=[B",
            "my.cache.statisticsEnabled=true");
    assertIterableEquals(List.of("my.cache"), manager.getCacheNames());
    assertNull(manager.getCache("cache"));
    Cache<String, byte[]> cache = manager.getCache("my.cache", String.class, byte[].class);
    @SuppressWarnings("unchecked")
    PurgeableConfiguration<String, byte[]> configuration =
        cache.getConfiguration(PurgeableConfiguration.class);
    assertEquals(3 << 20, configuration.getMaximumBytes());
    assertEquals(1 << 20, configuration.getMinimumBytes());
    assertEquals(Store.LAZY, configuration.getStore());
    assertTrue(configuration.isStatisticsEnabled());
    assertEquals(
        Duration.ONE_MINUTE.getDurationAmount() * 10,
        configuration.getExpiryPolicyFactory().create().getExpiryForAccess().getAdjustedTime(0)
            / 60_000);
    cache.put("key", new byte[] {1, 2});
    assertArrayEquals(new byte[] {1, 2}, cache.get("key"));
    assertFalse(cache.replace("key", new byte[] {1}, new byte[] {3}));
    assertTrue(cache.replace("key", new byte[] {1, 2}, new byte[] {3}));
    assertSame(cache, manager.getCache("my.cache"));
  }

  @Test
  void aPlainConfigurationTakesItsMemoryFromTheFile() throws Exception {
    CacheManager manager = manager("a.maximumBytes=4MiB");
    assertEquals(4 << 20, maximum(manager.createCache("a", new MutableConfiguration<>())));
    assertEquals(64 << 20, maximum(manager.createCache("b", new MutableConfiguration<>())));
    manager.destroyCache("a");
    assertEquals(2 << 20, maximum(manager.createCache("a", small())));
  }

  @SuppressWarnings("unchecked")
  private static long maximum(Cache<?, ?> cache) {
    return cache.getConfiguration(PurgeableConfiguration.class).getMaximumBytes();
  }

  @Test
  void theNamesAreThoseOfTheFileAndOfTheProgram() throws Exception {
    CacheManager manager = manager("b.maximumBytes=2MiB", "c.maximumBytes=2MiB");
    Cache<?, ?> created = manager.createCache("a", small());
    assertIterableEquals(List.of("a", "b", "c"), manager.getCacheNames());
    manager.getCacheNames().forEach(name -> assertNotNull(manager.getCache(name)));
    created.close();
    assertIterableEquals(List.of("b", "c"), manager.getCacheNames());
  }

  @Test
  void whatHibernateMustNotLoseIsRefused() {
    CacheManager manager = provider.getCacheManager();
    for (String name :
        List.of("default-update-timestamps-region", "app.default-update-timestamps-region")) {
      CacheException e =
          assertThrows(CacheException.class, () -> manager.createCache(name, small()));
      assertTrue(e.getMessage().contains(name), e.getMessage());
      assertNull(manager.getCache(name));
    }
    assertNotNull(manager.createCache("another-default-update-timestamps-region", small()));
  }

  @Test
  void aWrongFileIsNamed() {
    for (Map.Entry<String, String> wrong :
        Map.ofEntries(
                Map.entry("a.maximumByte=1", "a.maximumByte=1: no such property"),
                Map.entry("maximumBytes=64MiB", "a name is CACHE.PROPERTY"),
                Map.entry("a.maximumBytes=64MB", "a.maximumBytes=64MB: no number of bytes"),
                Map.entry("a.maximumBytes=1KiB", "a cache has at least 2097152 bytes"),
                Map.entry("a.maximumBytes=99999999999999GiB", "more than a long can hold"),
                Map.entry("a.minimumBytes=-1", "no number of bytes"),
                Map.entry("a.minimumBytes=65MiB", "a: minimumBytes, 68157440, is larger"),
                Map.entry("a.store=DISK", "a.store=DISK: no store"),
                Map.entry("a.codec=no.Such", "a.codec=no.Such: there is no such class"),
                Map.entry("a.keyType=no.Such", "there is no such class"),
                Map.entry("a.expiry=PT10M", "no expiry"),
                Map.entry("a.expiry=never PT10M", "no expiry"),
                Map.entry("a.expiry=created soon", "no expiry"),
                Map.entry("a.statisticsEnabled=yes", "neither true nor false"))
            .entrySet()) {
      CacheException e = assertThrows(CacheException.class, () -> manager(wrong.getKey()));
      assertTrue(e.getMessage().contains(wrong.getValue()), e.getMessage());
      assertTrue(e.getMessage().contains(".properties"), e.getMessage());
    }
    for (String uri :
        new String[] {"file:/no/such", "classpath:no/such", "what:ever", "relative"}) {
      CacheException e =
          assertThrows(CacheException.class, () -> provider.getCacheManager(URI.create(uri), null));
      assertTrue(e.getMessage().contains(uri), e.getMessage());
    }
  }

  @Test
  void codeIsCheckedToo() {
    CacheManager manager = provider.getCacheManager();
    assertThrows(
        IllegalArgumentException.class,
        () -> manager.createCache("a", small().setMinimumBytes(3 << 20)));
    assertThrows(
        UnsupportedOperationException.class,
        () -> manager.createCache("a", new MutableConfiguration<>().setStoreByValue(false)));
    Cache<Object, Object> cache = manager.createCache("a", small());
    assertThrows(CacheException.class, () -> cache.put("key", new Object()));
    assertThrows(CacheException.class, () -> cache.put("key", List.of(new Object())));
    assertThrows(CacheException.class, () -> cache.put(new Object(), "value"));
    assertFalse(cache.iterator().hasNext());
  }

  /** Notes the events. */
  private static final class Noted
      implements CacheEntryCreatedListener<String, String>,
          CacheEntryUpdatedListener<String, String>,
          CacheEntryRemovedListener<String, String>,
          CacheEntryExpiredListener<String, String> {
    private final ConcurrentLinkedQueue<String> events = new ConcurrentLinkedQueue<>();

    private void note(Iterable<CacheEntryEvent<? extends String, ? extends String>> told) {
      told.forEach(
          event ->
              events.add(
                  event.getEventType() + " " + event.getValue() + " " + event.getOldValue()));
    }

    @Override
    public void onCreated(Iterable<CacheEntryEvent<? extends String, ? extends String>> told) {
      note(told);
    }

    @Override
    public void onUpdated(Iterable<CacheEntryEvent<? extends String, ? extends String>> told) {
      note(told);
    }

    @Override
    public void onRemoved(Iterable<CacheEntryEvent<? extends String, ? extends String>> told) {
      note(told);
    }

    @Override
    public void onExpired(Iterable<CacheEntryEvent<? extends String, ? extends String>> told) {
      note(told);
    }
  }

  @Test
  void aPurgeIsAMissAndAnEvictionAndTellsNobody() {
    Noted noted = new Noted();
    PurgeableConfiguration<String, String> configuration = small();
    configuration.setStatisticsEnabled(true);
    configuration.addCacheEntryListenerConfiguration(
        new MutableCacheEntryListenerConfiguration<>(() -> noted, null, true, true));
    Cache<String, String> cache = provider.getCacheManager().createCache("a", configuration);
    cache.put("key", "1");
    PurgingProvider.purge(cache);
    assertNull(cache.getAndPut("key", "2"));
    PurgingProvider.purge(cache);
    assertFalse(cache.replace("key", "2", "3"));
    assertFalse(cache.remove("key"));
    cache.put("key", "4");
    PurgingProvider.purge(cache);
    boolean exists = cache.invoke("key", (entry, arguments) -> entry.exists());
    assertFalse(exists);
    assertFalse(cache.iterator().hasNext());
    assertTrue(cache.putIfAbsent("key", "5"));
    cache.put("key", "6");
    assertTrue(cache.remove("key"));
    assertEquals(
        List.of(
            "CREATED 1 null",
            "CREATED 2 null",
            "CREATED 4 null",
            "CREATED 5 null",
            "UPDATED 6 5",
            "REMOVED 6 6"),
        List.copyOf(noted.events));
    assertTrue(PurgingProvider.below(cache).statistics().purged() >= 3);
  }

  @Test
  void aListenerThatIsNotSynchronousMayUseTheCache() throws Exception {
    CompletableFuture<String> told = new CompletableFuture<>();
    Cache<String, String> cache = provider.getCacheManager().createCache("a", small());
    cache.registerCacheEntryListener(
        new MutableCacheEntryListenerConfiguration<>(
            () ->
                (CacheEntryCreatedListener<String, String>)
                    events -> told.complete(cache.getAndPut("key", "2")),
            null,
            false,
            false));
    cache.put("key", "1");
    assertEquals("1", told.get(60, TimeUnit.SECONDS));
    assertEquals("2", cache.get("key"));
  }

  @Test
  void whatRunsUnderALockMayNotTakeAnother() {
    Cache<String, String> cache = provider.getCacheManager().createCache("a", small());
    Cache<String, String> other = provider.getCacheManager().createCache("b", small());
    EntryProcessorException e =
        assertThrows(
            EntryProcessorException.class,
            () ->
                cache.invoke(
                    "key",
                    (entry, arguments) -> {
                      other.put("key", "1");
                      cache.put("other", "1");
                      return null;
                    }));
    assertInstanceOf(IllegalStateException.class, e.getCause());
    assertEquals("1", other.get("key"));
    cache.put("other", "2");
    assertEquals("2", cache.get("other"));
  }

  /** A value, or a key, of a class that another loader can define anew. */
  private record Point(int x) implements Serializable {}

  @Test
  void theManagersClassLoaderFindsClasses() throws Exception {
    String name = Point.class.getName();
    byte[] bytes;
    try (InputStream in = Point.class.getResourceAsStream("JCacheTest$Point.class")) {
      bytes = in.readAllBytes();
    }
    ClassLoader loader =
        new ClassLoader(null) {
          @Override
          protected Class<?> findClass(String wanted) throws ClassNotFoundException {
            if (wanted.equals(name)) {
              return defineClass(name, bytes, 0, bytes.length);
            }
            throw new ClassNotFoundException(wanted);
          }
        };
    Cache<String, Object> cache = provider.getCacheManager(null, loader).createCache("a", small());
    cache.put("key", new Point(1));
    assertSame(loader, cache.get("key").getClass().getClassLoader());
  }

  @Test
  void aCacheThatIsClosedInUseThrows() throws Exception {
    CountDownLatch loading = new CountDownLatch(1);
    CountDownLatch closed = new CountDownLatch(1);
    PurgeableConfiguration<String, String> configuration = small();
    configuration
        .setReadThrough(true)
        .setCacheLoaderFactory(
            () ->
                new CacheLoader<String, String>() {
                  @Override
                  public String load(String key) {
                    loading.countDown();
                    try {
                      closed.await();
                    } catch (InterruptedException e) {
                      throw new AssertionError(e);
                    }
                    return key;
                  }

                  @Override
                  public Map<String, String> loadAll(Iterable<? extends String> keys) {
                    throw new AssertionError();
                  }
                });
    Cache<String, String> cache = provider.getCacheManager().createCache("a", configuration);
    CompletableFuture<Object> thrown = new CompletableFuture<>();
    Thread thread =
        new Thread(
            () -> {
              try {
                thrown.complete(cache.get("key"));
              } catch (RuntimeException e) {
                thrown.complete(e);
              }
            });
    thread.start();
    loading.await();
    cache.close();
    closed.countDown();
    assertInstanceOf(IllegalStateException.class, thrown.get(60, TimeUnit.SECONDS));
    thread.join();
    assertThrows(IllegalStateException.class, () -> cache.get("key"));
    assertNull(provider.getCacheManager().getCache("a"));
  }

  @Test
  void anAccessMovesTheDeadline() throws Exception {
    PurgeableConfiguration<String, String> configuration = small();
    configuration.setExpiryPolicyFactory(
        AccessedExpiryPolicy.factoryOf(new Duration(TimeUnit.MINUTES, 10)));
    Cache<String, String> cache = provider.getCacheManager().createCache("a", configuration);
    cache.put("key", "1");
    for (int i = 0; i < 5; i++) {
      Thread.sleep(2);
      assertEquals("1", cache.get("key"));
    }
    PurgingProvider.purge(cache);
    assertNull(cache.get("key"));
    cache.put("key", "2");
    assertEquals("2", cache.get("key"));
  }

  @Test
  void aCopyOfAConfigurationIsEqual() {
    PurgeableConfiguration<String, byte[]> configuration = small();
    configuration.setMinimumBytes(1).setStore(Store.MEMFD).setCodecFactory(Codec::bytes);
    PurgeableConfiguration<String, byte[]> copy =
        new PurgeableConfiguration<>((CompleteConfiguration<String, byte[]>) configuration);
    assertEquals(configuration, copy);
    assertEquals(configuration.hashCode(), copy.hashCode());
    assertFalse(configuration.equals(copy.setMinimumBytes(2)));
    assertNotNull(copy.getCodecFactory());
  }
}
