//! Products, line items, quotes, orders, carts, invoices and what adjusts them.

use super::{Options, Stock, ValueType, choice, date, datetime, flag, long_text, number, text};

pub(super) const PRODUCTS: &[Stock] = &[
    text("name", "Name"),
    long_text("description", "Product description"),
    number("price", "Unit price"),
    text("hs_sku", "SKU"),
    text("hs_folder", "Folder"),
    number("hs_cost_of_goods_sold", "Unit cost"),
    text("hs_recurring_billing_period", "Term"),
    choice("recurringbillingfrequency", "Billing frequency", &["weekly", "monthly", "quarterly", "annually"]),
    text("hs_url", "URL"),
    text("hs_images", "Image URL"),
    number("tax", "Tax"),
];

pub(super) const LINE_ITEMS: &[Stock] = &[
    text("name", "Name"),
    long_text("description", "Product description"),
    number("quantity", "Quantity"),
    number("price", "Unit price"),
    number("amount", "Net price").read_only(),
    number("discount", "Unit discount"),
    number("hs_discount_percentage", "Discount percentage"),
    number("hs_product_id", "Product ID"),
    text("hs_sku", "SKU"),
    text("hs_recurring_billing_period", "Term"),
    choice("recurringbillingfrequency", "Billing frequency", &["weekly", "monthly", "quarterly", "annually"]),
    text("hs_line_item_currency_code", "Currency"),
    number("hs_position_on_quote", "Position on quote"),
    number("tax", "Tax"),
];

pub(super) const QUOTES: &[Stock] = &[
    text("hs_title", "Title"),
    datetime("hs_expiration_date", "Expiration date"),
    choice(
        "hs_status",
        "Status",
        &["DRAFT", "APPROVAL_NOT_NEEDED", "PENDING_APPROVAL", "APPROVED", "REJECTED"],
    ),
    text("hs_language", "Language"),
    text("hs_locale", "Locale"),
    text("hs_currency", "Currency"),
    long_text("hs_comments", "Comments"),
    long_text("hs_terms", "Terms"),
    flag("hs_esign_enabled", "E-signature"),
    flag("hs_payment_enabled", "Payment"),
    number("hs_quote_amount", "Amount").read_only(),
    text("hs_quote_link", "Public link").read_only(),
];

pub(super) const ORDERS: &[Stock] = &[
    text("hs_order_name", "Order name"),
    text("hs_external_order_id", "External order ID"),
    text("hs_external_order_status", "External status"),
    text("hs_currency_code", "Currency"),
    text("hs_source_store", "Source store"),
    number("hs_total_price", "Total price"),
    text("hs_fulfillment_status", "Fulfillment status"),
    text("hs_shipping_tracking_number", "Tracking number"),
    text("hs_shipping_address_city", "Shipping city"),
    Stock::new("hs_pipeline", "Pipeline", ValueType::Enumeration, "select").options(Options::Pipelines),
    Stock::new("hs_pipeline_stage", "Stage", ValueType::Enumeration, "radio").options(Options::Stages),
];

pub(super) const CARTS: &[Stock] = &[
    text("hs_cart_name", "Cart name"),
    text("hs_external_cart_id", "External cart ID"),
    text("hs_external_status", "External status"),
    text("hs_currency_code", "Currency"),
    text("hs_source_store", "Source store"),
    number("hs_total_price", "Total price"),
    text("hs_cart_url", "Cart URL"),
    long_text("hs_tags", "Tags"),
];

pub(super) const INVOICES: &[Stock] = &[
    text("hs_title", "Title"),
    text("hs_currency", "Currency"),
    date("hs_invoice_date", "Invoice date"),
    date("hs_due_date", "Due date"),
    text("hs_purchase_order_number", "Purchase order"),
    choice("hs_invoice_status", "Status", &["draft", "open", "paid", "voided"]),
    number("hs_amount_billed", "Amount billed").read_only(),
];

pub(super) const ADJUSTMENTS: &[Stock] = &[
    text("hs_label", "Label"),
    choice("hs_type", "Type", &["PERCENT", "FIXED"]),
    number("hs_value", "Value"),
    number("hs_sort_order", "Sort order"),
];
