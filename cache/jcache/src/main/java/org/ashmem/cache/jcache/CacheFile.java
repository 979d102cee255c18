// SPDX-License-Identifier: Apache-2.0
package org.ashmem.cache.jcache;

import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.InputStream;
import java.net.MalformedURLException;
import java.net.URI;
import java.net.URL;
import java.time.Duration;
import java.util.Locale;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.cache.CacheException;
import javax.cache.configuration.Factory;
import javax.cache.expiry.AccessedExpiryPolicy;
import javax.cache.expiry.CreatedExpiryPolicy;
import javax.cache.expiry.ExpiryPolicy;
import javax.cache.expiry.ModifiedExpiryPolicy;
import javax.cache.expiry.TouchedExpiryPolicy;
import org.ashmem.cache.Codec;
import org.ashmem.cache.Store;
import org.jspecify.annotations.Nullable;

/** The caches that a file of properties describes: see {@link PurgeableCachingProvider}. */
final class CacheFile {
  private static final Pattern BYTES = Pattern.compile("(\\d{1,18}) *(KiB|MiB|GiB|)");

  private final String name;
  private final ClassLoader loader;
  private final Map<String, PurgeableConfiguration<Object, Object>> caches = new TreeMap<>();

  /**
   * Reads a file.
   *
   * @param loader finds the file if the URI is {@code classpath:NAME}, and classes
   * @throws CacheException if it cannot be read, or says what nobody understands
   */
  CacheFile(URI uri, ClassLoader loader) {
    this.name = uri.toString();
    this.loader = loader;
    Properties properties = new Properties();
    try (InputStream in = url(uri).openStream()) {
      properties.load(in);
    } catch (IOException | IllegalArgumentException e) {
      throw new CacheException("the configuration " + name + " cannot be read: " + e, e);
    }
    for (String key : properties.stringPropertyNames()) {
      String value = properties.getProperty(key).trim();
      int dot = key.lastIndexOf('.');
      if (dot <= 0) {
        throw wrong(key, value, "a name is CACHE.PROPERTY", null);
      }
      try {
        set(
            caches.computeIfAbsent(key.substring(0, dot), cache -> new PurgeableConfiguration<>()),
            key.substring(dot + 1),
            value);
      } catch (IllegalArgumentException | ReflectiveOperationException e) {
        throw wrong(key, value, String.valueOf(e.getMessage()), e);
      }
    }
    caches.forEach(
        (cache, configuration) -> {
          try {
            configuration.check();
          } catch (IllegalArgumentException e) {
            throw new CacheException(name + ": " + cache + ": " + e.getMessage(), e);
          }
        });
  }

  private URL url(URI uri) throws MalformedURLException, FileNotFoundException {
    if (!"classpath".equals(uri.getScheme())) {
      return uri.toURL();
    }
    String path = uri.getSchemeSpecificPart().replaceFirst("^/*", "");
    URL url = loader.getResource(path);
    if (url == null) {
      throw new FileNotFoundException("the class path has no " + path);
    }
    return url;
  }

  private CacheException wrong(String key, String value, String why, @Nullable Exception cause) {
    return new CacheException(name + ": " + key + "=" + value + ": " + why, cause);
  }

  private void set(PurgeableConfiguration<Object, Object> cache, String property, String value)
      throws ReflectiveOperationException {
    switch (property) {
      case "maximumBytes" -> cache.setMaximumBytes(bytes(value));
      case "minimumBytes" -> cache.setMinimumBytes(bytes(value));
      case "store" -> cache.setStore(store(value));
      case "codec" -> cache.setCodecFactory(codec(value));
      case "expiry" -> cache.setExpiryPolicyFactory(expiry(value));
      case "keyType" -> cache.setTypes(type(value), cache.getValueType());
      case "valueType" -> cache.setTypes(cache.getKeyType(), type(value));
      case "statisticsEnabled" -> cache.setStatisticsEnabled(flag(value));
      case "managementEnabled" -> cache.setManagementEnabled(flag(value));
      default ->
          throw new IllegalArgumentException(
              "no such property; there are maximumBytes, minimumBytes, store, codec, expiry,"
                  + " keyType, valueType, statisticsEnabled and managementEnabled");
    }
  }

  private static long bytes(String value) {
    Matcher matcher = BYTES.matcher(value);
    if (!matcher.matches()) {
      throw new IllegalArgumentException("no number of bytes, such as 67108864 or 64MiB");
    }
    int shift =
        switch (matcher.group(2)) {
          case "KiB" -> 10;
          case "MiB" -> 20;
          case "GiB" -> 30;
          default -> 0;
        };
    long number = Long.parseLong(matcher.group(1));
    if (number > Long.MAX_VALUE >> shift) {
      throw new IllegalArgumentException("more than a long can hold");
    }
    return number << shift;
  }

  private static Store store(String value) {
    try {
      return Store.valueOf(value.toUpperCase(Locale.ROOT));
    } catch (IllegalArgumentException e) {
      throw new IllegalArgumentException("no store; there are AUTO, DEVICE, LAZY and MEMFD", e);
    }
  }

  private static boolean flag(String value) {
    return switch (value) {
      case "true" -> true;
      case "false" -> false;
      default -> throw new IllegalArgumentException("neither true nor false");
    };
  }

  @SuppressWarnings("unchecked") // each type of the file's caches is Object here
  private Class<Object> type(String value) throws ClassNotFoundException {
    try {
      return (Class<Object>) Class.forName(value, false, loader);
    } catch (ClassNotFoundException e) {
      throw new ClassNotFoundException("there is no such class", e);
    }
  }

  /** A codec of this project, or the name of a class with a public constructor. */
  @SuppressWarnings({"unchecked", "rawtypes"})
  private Factory<Codec<Object>> codec(String value) throws ReflectiveOperationException {
    return switch (value) {
      case "bytes" -> () -> (Codec) Codec.bytes();
      case "string" -> () -> (Codec) Codec.string();
      case "buffer" -> () -> (Codec) Codec.buffer();
      default -> {
        Codec<Object> codec = type(value).asSubclass(Codec.class).getConstructor().newInstance();
        yield () -> codec;
      }
    };
  }

  private static Factory<? extends ExpiryPolicy> expiry(String value) {
    String[] words = value.split(" +", 2);
    String what =
        "no expiry, which is created, accessed, modified or touched, a space, and a duration such as PT10M";
    if (words.length < 2) {
      throw new IllegalArgumentException(what);
    }
    javax.cache.expiry.Duration duration;
    try {
      duration =
          new javax.cache.expiry.Duration(
              TimeUnit.MILLISECONDS, Duration.parse(words[1]).toMillis());
    } catch (RuntimeException e) {
      throw new IllegalArgumentException(what, e);
    }
    return switch (words[0]) {
      case "created" -> CreatedExpiryPolicy.factoryOf(duration);
      case "accessed" -> AccessedExpiryPolicy.factoryOf(duration);
      case "modified" -> ModifiedExpiryPolicy.factoryOf(duration);
      case "touched" -> TouchedExpiryPolicy.factoryOf(duration);
      default -> throw new IllegalArgumentException(what);
    };
  }

  /** Returns the names of the caches that the file describes. */
  Set<String> names() {
    return caches.keySet();
  }

  /** Returns a copy of what the file says of a cache, or null. */
  @Nullable PurgeableConfiguration<Object, Object> cache(String cache) {
    PurgeableConfiguration<Object, Object> found = caches.get(cache);
    return found == null ? null : new PurgeableConfiguration<>(found);
  }
}
