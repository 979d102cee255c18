// SPDX-License-Identifier: Apache-2.0
package org.ashmem.cache.hibernate;

import jakarta.persistence.AttributeConverter;
import jakarta.persistence.Cacheable;
import jakarta.persistence.Convert;
import jakarta.persistence.ElementCollection;
import jakarta.persistence.Entity;
import jakarta.persistence.Id;
import jakarta.persistence.Version;
import java.util.HashSet;
import java.util.Set;
import java.util.function.Consumer;
import org.hibernate.annotations.Cache;
import org.hibernate.annotations.CacheConcurrencyStrategy;

/** An entity that says in itself and in a collection how often it was changed. */
@Entity
@Cacheable
public class Product {
  /** The columns with numbers. */
  enum Column {
    NUMBER,
    LABEL
  }

  /** What this thread does when it has read a number from the database. */
  static final ThreadLocal<Consumer<Column>> ON_READ = ThreadLocal.withInitial(() -> column -> {});

  @Id long id;

  @Version long version;

  @Convert(converter = Text.class)
  Long number;

  @ElementCollection
  @Cache(usage = CacheConcurrencyStrategy.READ_WRITE)
  @Convert(converter = Label.class)
  Set<Long> labels = new HashSet<>();

  /** Hibernate makes products. */
  protected Product() {}

  Product(long id) {
    this.id = id;
    set(0);
  }

  private void set(long to) {
    number = to;
    labels.clear();
    labels.add(to);
  }

  final void change() {
    set(number + 1);
  }

  /** Numbers are text in the database. */
  public static class Text implements AttributeConverter<Long, String> {
    private final Column column;

    /** Hibernate makes converters. */
    public Text() {
      this(Column.NUMBER);
    }

    private Text(Column column) {
      this.column = column;
    }

    @Override
    public String convertToDatabaseColumn(Long number) {
      return Long.toString(number);
    }

    @Override
    public Long convertToEntityAttribute(String text) {
      ON_READ.get().accept(column);
      return Long.valueOf(text);
    }
  }

  /** The same for labels. */
  public static final class Label extends Text {
    /** Hibernate makes converters. */
    public Label() {
      super(Column.LABEL);
    }
  }
}
