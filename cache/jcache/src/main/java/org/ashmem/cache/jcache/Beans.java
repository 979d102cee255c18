// SPDX-License-Identifier: Apache-2.0
package org.ashmem.cache.jcache;

import java.lang.management.ManagementFactory;
import java.net.URI;
import java.util.HashSet;
import java.util.Set;
import javax.cache.CacheException;
import javax.cache.configuration.CompleteConfiguration;
import javax.cache.management.CacheMXBean;
import javax.management.InstanceAlreadyExistsException;
import javax.management.InstanceNotFoundException;
import javax.management.JMException;
import javax.management.MBeanServer;
import javax.management.ObjectName;

/** The management beans of a cache on the platform's server. Thread-safe. */
final class Beans {
  private final MBeanServer server = ManagementFactory.getPlatformMBeanServer();
  private final String names;
  private final Set<String> registered = new HashSet<>();

  Beans(URI manager, String cache) {
    this.names = ",CacheManager=" + safe(manager.toString()) + ",Cache=" + safe(cache);
  }

  /** Replaces what a name cannot have, as the specification's tests do. */
  private static String safe(String name) {
    return name.replaceAll("[,:=\n*?\"]", ".");
  }

  /**
   * Registers a bean, or removes it. If the cache of another manager with the same URI has the name
   * already, that one stays.
   */
  synchronized void show(String type, Object bean, boolean on) {
    try {
      ObjectName name = new ObjectName("javax.cache:type=" + type + names);
      if (on && !registered.contains(type)) {
        server.registerMBean(bean, name);
        registered.add(type);
      } else if (!on && registered.remove(type)) {
        server.unregisterMBean(name);
      }
    } catch (InstanceAlreadyExistsException | InstanceNotFoundException e) {
      System.getLogger("org.ashmem.cache")
          .log(System.Logger.Level.DEBUG, "a bean of another cache, or none", e);
    } catch (JMException e) {
      throw new CacheException("a management bean of type " + type + " cannot be had", e);
    }
  }

  /** The configuration of a cache. */
  record Management(CompleteConfiguration<?, ?> configuration) implements CacheMXBean {
    @Override
    public String getKeyType() {
      return configuration.getKeyType().getName();
    }

    @Override
    public String getValueType() {
      return configuration.getValueType().getName();
    }

    @Override
    public boolean isReadThrough() {
      return configuration.isReadThrough();
    }

    @Override
    public boolean isWriteThrough() {
      return configuration.isWriteThrough();
    }

    @Override
    public boolean isStoreByValue() {
      return configuration.isStoreByValue();
    }

    @Override
    public boolean isStatisticsEnabled() {
      return configuration.isStatisticsEnabled();
    }

    @Override
    public boolean isManagementEnabled() {
      return configuration.isManagementEnabled();
    }
  }
}
