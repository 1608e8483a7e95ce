//! Puts large parts behind a `Box`: a CHOICE is as large as its largest alternative, and an
//! absent OPTIONAL is as large as a present one; both multiply in a SEQUENCE OF.

use std::collections::BTreeMap;

use syn::{Fields, Item, Type, parse_quote};

use crate::passes::{inner, name};

/// Alternatives larger than this are boxed, octets.
const ALTERNATIVE: usize = 64;
/// Optional fields larger than this are boxed, octets.
const OPTIONAL: usize = 128;

/// Estimated sizes of all types, after boxing.
pub struct Boxing {
    items: BTreeMap<String, Item>,
    sizes: BTreeMap<String, usize>,
}

impl Boxing {
    pub fn collect<'a>(items: impl Iterator<Item = &'a Item>) -> Self {
        let mut all = BTreeMap::new();
        for item in items {
            match item {
                Item::Struct(it) => all.insert(it.ident.to_string(), item.clone()),
                Item::Enum(it) => all.insert(it.ident.to_string(), item.clone()),
                _ => None,
            };
        }
        Self { items: all, sizes: BTreeMap::new() }
    }

    /// Boxes what is large in `item`.
    pub fn apply(&mut self, item: &mut Item) {
        match item {
            Item::Struct(item) => {
                for field in &mut item.fields {
                    let Some(plain) = inner(&field.ty, "Option") else { continue };
                    if self.size(plain) > OPTIONAL {
                        field.ty = parse_quote!(Option<Box<#plain>>);
                    }
                }
            }
            Item::Enum(item) => {
                for field in item.variants.iter_mut().flat_map(|variant| &mut variant.fields) {
                    if self.size(&field.ty) > ALTERNATIVE {
                        let plain = &field.ty;
                        field.ty = parse_quote!(Box<#plain>);
                    }
                }
            }
            _ => {}
        }
    }

    fn size(&mut self, ty: &Type) -> usize {
        let name = name(ty);
        match name.as_str() {
            "" => 0, // ()
            "bool" | "u8" | "i8" => 1,
            "u16" | "i16" => 2,
            "u32" | "i32" => 4,
            "u64" | "i64" | "Box" => 8,
            "OctetString" | "Integer" => 32,
            "FixedOctetString" => 16,
            "Option" => inner(ty, "Option").map_or(8, |plain| match self::name(plain).as_str() {
                "Box" => 8,
                _ => self.size(plain) + 8,
            }),
            _ => self.named(&name),
        }
    }

    fn named(&mut self, name: &str) -> usize {
        if let Some(size) = self.sizes.get(name) {
            return *size;
        }
        let Some(item) = self.items.get(name).cloned() else { return 24 };
        let size = match &item {
            Item::Struct(item) => item.fields.iter().map(|field| self.field(&field.ty)).sum(),
            Item::Enum(item) => {
                let fields = item.variants.iter().flat_map(|variant| match &variant.fields {
                    Fields::Unnamed(fields) => fields.unnamed.first(),
                    _ => None,
                });
                let sizes = fields.map(|field| match self.size(&field.ty) {
                    large if large > ALTERNATIVE => 8,
                    small => small,
                });
                8 + sizes.max().unwrap_or(0)
            }
            _ => 24,
        };
        self.sizes.insert(name.to_owned(), size);
        size
    }

    fn field(&mut self, ty: &Type) -> usize {
        match inner(ty, "Option") {
            Some(plain) if self.size(plain) > OPTIONAL => 8,
            _ => self.size(ty),
        }
    }
}
