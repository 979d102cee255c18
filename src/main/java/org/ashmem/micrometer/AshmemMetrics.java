// SPDX-License-Identifier: Apache-2.0
package org.ashmem.micrometer;

import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tag;
import io.micrometer.core.instrument.binder.BaseUnits;
import io.micrometer.core.instrument.binder.MeterBinder;
import java.util.List;
import java.util.function.LongSupplier;
import org.ashmem.Counters;

/**
 * Publishes {@link Counters} of this process's regions as meters.
 *
 * <table>
 *   <caption>The meters</caption>
 *   <tr><th>name</th><th>type and value</th></tr>
 *   <tr><td>{@code ashmem.regions}</td><td>gauge: {@link Counters#regions()}</td></tr>
 *   <tr><td>{@code ashmem.regions.size}</td>
 *     <td>gauge, in bytes: {@link Counters#regionBytes()}</td></tr>
 *   <tr><td>{@code ashmem.mapped}</td>
 *     <td>gauge, in bytes: {@link Counters#mappedBytes()}</td></tr>
 *   <tr><td>{@code ashmem.pins}</td><td>counter: {@link Counters#pins()}</td></tr>
 *   <tr><td>{@code ashmem.purges.found}</td><td>counter: {@link Counters#purgesFound()}</td></tr>
 *   <tr><td>{@code ashmem.leaks}</td><td>counter: {@link Counters#leaks()}</td></tr>
 * </table>
 *
 * <pre>{@code
 * new AshmemMetrics().bindTo(registry);
 * }</pre>
 *
 * <p>Thread-safe.
 */
@SuppressWarnings("exports") // Micrometer is not required transitively: it is optional
public final class AshmemMetrics implements MeterBinder {
  private final Iterable<Tag> tags;

  /** Creates a binder of meters without tags. */
  public AshmemMetrics() {
    this(List.of());
  }

  /**
   * Creates a binder of meters with tags.
   *
   * @param tags the tags of each meter
   */
  public AshmemMetrics(Iterable<Tag> tags) {
    this.tags = tags;
  }

  @Override
  public void bindTo(MeterRegistry registry) {
    Gauge.builder("ashmem.regions", Counters::regions)
        .description("Regions that are open")
        .baseUnit("regions")
        .tags(tags)
        .register(registry);
    Gauge.builder("ashmem.regions.size", Counters::regionBytes)
        .description("The sum of the sizes of the regions that are open")
        .baseUnit(BaseUnits.BYTES)
        .tags(tags)
        .register(registry);
    Gauge.builder("ashmem.mapped", Counters::mappedBytes)
        .description("The sum of the lengths of the mappings that are open")
        .baseUnit(BaseUnits.BYTES)
        .tags(tags)
        .register(registry);
    count(registry, "ashmem.pins", "Calls that pinned a range", "calls", Counters::pins);
    count(
        registry,
        "ashmem.purges.found",
        "Calls that pinned a range and found at least one page of it purged",
        "calls",
        Counters::purgesFound);
    count(
        registry,
        "ashmem.leaks",
        "Regions and mappings that were not closed before they became unreachable",
        "leaks",
        Counters::leaks);
  }

  private void count(
      MeterRegistry registry, String name, String description, String unit, LongSupplier count) {
    // A meter holds its object weakly and stops counting when the object is collected. The object
    // of this class stays reachable.
    FunctionCounter.builder(name, AshmemMetrics.class, unused -> count.getAsLong())
        .description(description)
        .baseUnit(unit)
        .tags(tags)
        .register(registry);
  }
}
