// SPDX-License-Identifier: Apache-2.0
package org.ashmem.cache.spring;

import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.springframework.cache.annotation.CacheEvict;
import org.springframework.cache.annotation.Cacheable;
import org.springframework.stereotype.Service;

/** Keeps orders, and makes reports of them. Thread-safe. */
@Service
public class Reports {
  private static final String KEY = "#customer + '/' + #year";

  private record Account(String customer, int year) {}

  private record Order(int month, long cents) {}

  private final Map<Account, List<Order>> accounts = new ConcurrentHashMap<>();
  private final AtomicInteger computed = new AtomicInteger();

  /** Spring makes the service. */
  public Reports() {}

  /**
   * Returns a report, which is computed if the cache does not have it, or has lost it. With {@code
   * sync} one thread computes it, and the others wait. An order that arrives meanwhile waits, too,
   * so that no report of before is kept.
   *
   * @param customer the customer
   * @param year the year
   * @return the report
   */
  @Cacheable(cacheNames = "reports", key = KEY, sync = true)
  public Report report(String customer, int year) {
    computed.incrementAndGet();
    List<Order> orders = List.copyOf(accounts.getOrDefault(new Account(customer, year), List.of()));
    Map<Integer, Long> sums =
        orders.stream()
            .collect(Collectors.groupingBy(Order::month, Collectors.summingLong(Order::cents)));
    List<Long> cents =
        IntStream.rangeClosed(1, 12).mapToObj(month -> sums.getOrDefault(month, 0L)).toList();
    return new Report(customer, year, orders.size(), cents);
  }

  /**
   * Adds an order. The report of before is removed.
   *
   * @param customer the customer
   * @param year the year
   * @param month the month, from 1 to 12
   * @param cents the amount
   */
  @CacheEvict(cacheNames = "reports", key = KEY)
  public void order(String customer, int year, int month, long cents) {
    accounts
        .computeIfAbsent(new Account(customer, year), unused -> new CopyOnWriteArrayList<>())
        .add(new Order(month, cents));
  }

  /**
   * Returns how many reports were computed.
   *
   * @return the number
   */
  public int computed() {
    return computed.get();
  }
}
