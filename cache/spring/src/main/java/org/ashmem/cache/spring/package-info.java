// SPDX-License-Identifier: Apache-2.0
/**
 * A sample: a Spring Boot application whose cache gives its memory back. The dependency {@code
 * ashmem-jcache}, {@code application.yml} and {@code caches.properties} are all that it needs of
 * this project.
 */
@NullMarked
package org.ashmem.cache.spring;

import org.jspecify.annotations.NullMarked;
