//! `Default` for CHOICE types, so that builders can write the fields that matter and `..` the
//! rest: the first NULL alternative of the root, else the first alternative that ends.

use std::collections::BTreeMap;

use quote::quote;
use syn::{Item, ItemEnum, Type, Variant, parse_quote};

use crate::passes::{inner, name};

/// All types, to see whether a default value would contain itself.
pub struct Defaults(BTreeMap<String, Item>);

impl Defaults {
    pub fn collect<'a>(items: impl Iterator<Item = &'a Item>) -> Self {
        let mut all = BTreeMap::new();
        for item in items {
            match item {
                Item::Struct(it) => all.insert(it.ident.to_string(), item.clone()),
                Item::Enum(it) => all.insert(it.ident.to_string(), item.clone()),
                _ => None,
            };
        }
        Self(all)
    }

    /// The implementation for one CHOICE.
    pub fn of(&self, item: &ItemEnum) -> Option<Item> {
        let chosen = self.choose(item, &mut vec![item.ident.to_string()])?;
        let (name, variant) = (&item.ident, &chosen.ident);
        let value = match payload(chosen) {
            Some(Type::Tuple(_)) => quote!(()),
            _ => quote!(Default::default()),
        };
        Some(parse_quote! {
            impl Default for #name {
                fn default() -> Self {
                    Self::#variant(#value)
                }
            }
        })
    }

    fn choose<'a>(&self, item: &'a ItemEnum, above: &mut Vec<String>) -> Option<&'a Variant> {
        let null = |variant: &&Variant| matches!(payload(variant), Some(Type::Tuple(_)));
        let root = |variant: &&Variant| {
            !variant.attrs.iter().any(|a| quote!(#a).to_string().contains("extension_addition"))
        };
        item.variants.iter().filter(root).find(null).or_else(|| {
            item.variants
                .iter()
                .filter(root)
                .find(|variant| payload(variant).is_some_and(|ty| self.ends(ty, above)))
        })
    }

    fn ends(&self, ty: &Type, above: &mut Vec<String>) -> bool {
        if let Some(plain) = inner(ty, "Box") {
            return self.ends(plain, above);
        }
        let name = name(ty);
        let Some(item) = self.0.get(&name) else { return true };
        if above.contains(&name) {
            return false;
        }
        above.push(name);
        let ends = match item {
            Item::Struct(item) => item.fields.iter().all(|field| self.ends(&field.ty, above)),
            Item::Enum(item) => self.choose(item, above).is_some(),
            _ => true,
        };
        above.pop();
        ends
    }
}

fn payload(variant: &Variant) -> Option<&Type> {
    variant.fields.iter().next().map(|field| &field.ty)
}
