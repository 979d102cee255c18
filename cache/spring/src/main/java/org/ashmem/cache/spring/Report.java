// SPDX-License-Identifier: Apache-2.0
package org.ashmem.cache.spring;

import java.io.Serializable;
import java.util.List;

/**
 * What a customer ordered in a year. The cache keeps bytes of it, made by Java's serialization.
 *
 * @param customer the customer
 * @param year the year
 * @param orders how many orders there were
 * @param cents the sum of each month, from January on
 */
public record Report(String customer, int year, int orders, List<Long> cents)
    implements Serializable {}
