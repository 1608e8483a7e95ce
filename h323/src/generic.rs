//! The generic extensible framework (H.460): features and their parameters by identifier.
//!
//! A message says what its sender can do in a featureSet, and a Setup in three lists of its own; what it does
//! in this message is in genericData.

use crate::address;
use crate::asn::h225::{
    Content, EnumeratedParameter, FeatureDescriptor, FeatureSet, GenericData, GenericIdentifier,
    SetupUUIE,
};
use std::net::SocketAddr;

/// RAS carried in call signalling (H.460.17).
pub const H460_17: u16 = 17;
/// NAT and firewall traversal of signalling (H.460.18).
pub const H460_18: u16 = 18;
/// NAT and firewall traversal of media (H.460.19).
pub const H460_19: u16 = 19;
/// Negotiation of TLS and IPsec (H.460.22).
pub const H460_22: u16 = 22;
/// Determination of the kind of NAT (H.460.23).
pub const H460_23: u16 = 23;
/// Media directly between parties behind NATs (H.460.24).
pub const H460_24: u16 = 24;
/// Media carried in call signalling (H.460.26).
pub const H460_26: u16 = 26;

/// How much the sender wants a feature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Need {
    /// Nothing works without it.
    Needed,
    /// It is wanted.
    Desired,
    /// It is possible.
    Supported,
}

/// The number of a standard identifier.
#[must_use]
pub fn standard(identifier: &GenericIdentifier) -> Option<u16> {
    match identifier {
        GenericIdentifier::standard(number) => u16::try_from(number).ok(),
        _ => None,
    }
}

/// The identifier of a standard number.
#[must_use]
pub fn identifier(number: u16) -> GenericIdentifier {
    GenericIdentifier::standard(number.into())
}

/// The parameters of a feature, by their standard numbers.
pub trait Parameters: Sized {
    /// Its parameters.
    fn parameters(&self) -> &[EnumeratedParameter];

    /// Its parameters, to change.
    fn parameters_mut(&mut self) -> &mut Vec<EnumeratedParameter>;

    /// Whether it has a parameter; some mean something by being there.
    fn has(&self, number: u16) -> bool {
        self.parameters().iter().any(|parameter| standard(&parameter.id) == Some(number))
    }

    /// What the first such parameter holds.
    fn content(&self, number: u16) -> Option<&Content> {
        let parameter = self.parameters().iter().find(|p| standard(&p.id) == Some(number))?;
        parameter.content.as_ref()
    }

    /// Octets, if that is what the parameter holds.
    fn raw(&self, number: u16) -> Option<&[u8]> {
        match self.content(number)? {
            Content::raw(octets) => Some(octets),
            _ => None,
        }
    }

    /// Text, if that is what the parameter holds.
    fn text(&self, number: u16) -> Option<String> {
        match self.content(number)? {
            Content::text(text) => Some(text.to_string()),
            Content::unicode(text) => Some(text.to_string()),
            _ => None,
        }
    }

    /// A truth value, if that is what the parameter holds.
    fn boolean(&self, number: u16) -> Option<bool> {
        match self.content(number)? {
            Content::bool(value) => Some(*value),
            _ => None,
        }
    }

    /// A number of 8, 16 or 32 bits, if that is what the parameter holds.
    fn number(&self, number: u16) -> Option<u32> {
        match self.content(number)? {
            Content::number8(value) => Some((*value).into()),
            Content::number16(value) => Some((*value).into()),
            Content::number32(value) => Some(*value),
            _ => None,
        }
    }

    /// An address of IP, if that is what the parameter holds.
    fn transport(&self, number: u16) -> Option<SocketAddr> {
        match self.content(number)? {
            Content::transport(transport) => address::from_h225(transport),
            _ => None,
        }
    }

    /// Parameters within the parameter, if that is what it holds.
    fn compound(&self, number: u16) -> Option<&[EnumeratedParameter]> {
        match self.content(number)? {
            Content::compound(parameters) => Some(parameters),
            _ => None,
        }
    }

    /// Sets a parameter, in place of the first of the same number; `None` for one that only is there.
    fn set(&mut self, number: u16, content: Option<Content>) {
        let parameters = self.parameters_mut();
        match parameters.iter_mut().find(|p| standard(&p.id) == Some(number)) {
            Some(parameter) => parameter.content = content,
            None => {
                let id = identifier(number);
                parameters.push(EnumeratedParameter { id, content, unknown_ext: None });
            }
        }
    }

    /// The same with a parameter set.
    #[must_use]
    fn with(mut self, number: u16, content: Option<Content>) -> Self {
        self.set(number, content);
        self
    }
}

impl Parameters for GenericData {
    fn parameters(&self) -> &[EnumeratedParameter] {
        self.parameters.as_deref().unwrap_or_default()
    }

    fn parameters_mut(&mut self) -> &mut Vec<EnumeratedParameter> {
        self.parameters.get_or_insert_default()
    }
}

/// Content: an address.
#[must_use]
pub fn transport(address: SocketAddr) -> Content {
    Content::transport(Box::new(address::to_h225(address)))
}

/// A feature without parameters.
#[must_use]
pub fn new(id: u16) -> GenericData {
    GenericData { id: identifier(id), parameters: None, unknown_ext: None }
}

/// The first data of a feature in a genericData list.
#[must_use]
pub fn data(list: &[GenericData], id: u16) -> Option<&GenericData> {
    list.iter().find(|data| standard(&data.id) == Some(id))
}

/// Puts data of a feature into a genericData list, in place of the first of the same feature.
pub fn set_data(list: &mut Option<Vec<GenericData>>, new: GenericData) {
    let list = list.get_or_insert_default();
    match list.iter_mut().find(|old| old.id == new.id) {
        Some(old) => *old = new,
        None => list.push(new),
    }
}

/// Takes all data of a feature out of a genericData list, and the list away when it is empty; true if there
/// was any.
pub fn remove_data(list: &mut Option<Vec<GenericData>>, id: u16) -> bool {
    take_out(list, |data| standard(&data.id) == Some(id))
}

/// What advertises features in three lists: a featureSet, or a Setup.
pub trait Features {
    /// Needed, desired and supported features.
    fn lists(&self) -> [&Option<Vec<FeatureDescriptor>>; 3];

    /// The same, to change.
    fn lists_mut(&mut self) -> [&mut Option<Vec<FeatureDescriptor>>; 3];
}

impl Features for FeatureSet {
    fn lists(&self) -> [&Option<Vec<FeatureDescriptor>>; 3] {
        [&self.needed_features, &self.desired_features, &self.supported_features]
    }

    fn lists_mut(&mut self) -> [&mut Option<Vec<FeatureDescriptor>>; 3] {
        [&mut self.needed_features, &mut self.desired_features, &mut self.supported_features]
    }
}

impl Features for SetupUUIE {
    fn lists(&self) -> [&Option<Vec<FeatureDescriptor>>; 3] {
        [&self.needed_features, &self.desired_features, &self.supported_features]
    }

    fn lists_mut(&mut self) -> [&mut Option<Vec<FeatureDescriptor>>; 3] {
        [&mut self.needed_features, &mut self.desired_features, &mut self.supported_features]
    }
}

/// The first descriptor of a feature: needed before desired before supported.
#[must_use]
pub fn feature(features: &impl Features, id: u16) -> Option<&GenericData> {
    let lists = features.lists().into_iter().flatten();
    lists.flatten().map(|descriptor| &descriptor.0).find(|data| standard(&data.id) == Some(id))
}

/// All standard features that are needed.
#[must_use]
pub fn needed(features: &impl Features) -> Vec<u16> {
    let [needed, _, _] = features.lists();
    needed.iter().flatten().filter_map(|descriptor| standard(&descriptor.0.id)).collect()
}

/// Puts a feature into one list and takes the same feature out of all.
pub fn set_feature(features: &mut impl Features, need: Need, feature: GenericData) {
    if let Some(id) = standard(&feature.id) {
        remove_feature(features, id);
    }
    let [needed, desired, supported] = features.lists_mut();
    let list = match need {
        Need::Needed => needed,
        Need::Desired => desired,
        Need::Supported => supported,
    };
    list.get_or_insert_default().push(FeatureDescriptor(feature));
}

/// Takes a feature out of all lists, and lists away when they are empty; true if it was there.
pub fn remove_feature(features: &mut impl Features, id: u16) -> bool {
    let mut found = false;
    for list in features.lists_mut() {
        found |= take_out(list, |descriptor| standard(&descriptor.0.id) == Some(id));
    }
    found
}

/// Takes a feature out of a featureSet, and the set away when it says nothing more; true if it was there.
pub fn remove_feature_of(set: &mut Option<FeatureSet>, id: u16) -> bool {
    let Some(features) = set else { return false };
    let found = remove_feature(features, id);
    if found
        && features.lists().into_iter().flatten().all(Vec::is_empty)
        && features.unknown_ext.is_none()
    {
        *set = None;
    }
    found
}

fn take_out<T>(list: &mut Option<Vec<T>>, is_meant: impl Fn(&T) -> bool) -> bool {
    let Some(items) = list else { return false };
    let before = items.len();
    items.retain(|item| !is_meant(item));
    let found = items.len() != before;
    if found && items.is_empty() {
        *list = None;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vectors::*;

    /// A FeatureDescriptor, read out of a Setup-less FeatureSet.
    fn descriptor(hex: &str) -> GenericData {
        let set = [&[0x10, 0x01][..], &octets(hex)].concat();
        let set: FeatureSet = crate::aper::decode(&set).unwrap();
        set.supported_features.unwrap().remove(0).0
    }

    fn encoded(data: GenericData) -> Vec<u8> {
        let mut set = FeatureSet::default();
        set_feature(&mut set, Need::Supported, data);
        crate::aper::encode(&set).unwrap()[2..].to_vec()
    }

    #[test]
    fn vectors_are_made_again() {
        for hex in ALL_FEATURE {
            assert_eq!(encoded(descriptor(hex)), octets(hex));
        }
        assert_eq!(encoded(new(H460_19).with(2, None)), octets(FEATURE_19_SERVER));
        assert_eq!(encoded(new(H460_19).with(2, None).with(1, None)), octets(FEATURE_19_BOTH));
    }

    #[test]
    fn reads_parameters_of_every_kind() {
        let tls = descriptor(FEATURE_22);
        let inner = tls.compound(1).unwrap();
        let inner = new(0).with(1, inner[0].content.clone()).with(2, inner[1].content.clone());
        assert_eq!(inner.number(1), Some(1));
        assert_eq!(inner.transport(2), Some("203.0.113.10:1300".parse().unwrap()));
        let nat = descriptor(FEATURE_23);
        assert_eq!(nat.boolean(3), Some(true));
        assert_eq!(nat.transport(5), Some("203.0.113.20:3478".parse().unwrap()));
        assert_eq!(
            (nat.number(3), nat.boolean(9), nat.raw(3), nat.text(3)),
            (None, None, None, None)
        );
        let made = new(1)
            .with(1, Some(Content::raw(vec![1, 2].into())))
            .with(2, Some(Content::number32(70_000)))
            .with(3, Some(Content::number16(700)))
            .with(4, Some(Content::text("ia5".into())))
            .with(5, Some(Content::unicode("bmp".into())))
            .with(6, Some(transport("[::1]:5".parse().unwrap())));
        let again =
            crate::aper::decode::<GenericData>(&crate::aper::encode(&made).unwrap()).unwrap();
        assert_eq!(again.raw(1), Some(&[1, 2][..]));
        assert_eq!((again.number(2), again.number(3)), (Some(70_000), Some(700)));
        assert_eq!((again.text(4).unwrap(), again.text(5).unwrap()), ("ia5".into(), "bmp".into()));
        assert_eq!(again.transport(6), Some("[::1]:5".parse().unwrap()));
        assert!(again.has(6) && !again.has(7));
    }

    #[test]
    fn setting_a_parameter_again_replaces_it() {
        let data = new(1).with(1, Some(Content::bool(false))).with(1, Some(Content::bool(true)));
        assert_eq!(data.parameters().len(), 1);
        assert_eq!(data.boolean(1), Some(true));
    }

    #[test]
    fn a_feature_is_in_one_list_only() {
        let mut set = FeatureSet::default();
        set_feature(&mut set, Need::Supported, new(19));
        set_feature(&mut set, Need::Needed, new(19).with(1, None));
        assert_eq!(set.supported_features, None);
        assert!(feature(&set, 19).unwrap().has(1));
        assert_eq!(needed(&set), [19]);
    }

    #[test]
    fn what_is_empty_goes_away() {
        let mut set = Some(FeatureSet::default());
        set_feature(set.as_mut().unwrap(), Need::Supported, new(18));
        set_feature(set.as_mut().unwrap(), Need::Supported, new(19));
        assert!(remove_feature_of(&mut set, 18));
        assert!(!remove_feature_of(&mut set, 18));
        assert!(set.is_some());
        assert!(remove_feature_of(&mut set, 19));
        assert_eq!(set, None);
        let mut list = None;
        set_data(&mut list, new(18));
        set_data(&mut list, new(18).with(1, None));
        assert!(data(list.as_deref().unwrap(), 18).unwrap().has(1));
        assert!(remove_data(&mut list, 18));
        assert_eq!(list, None);
        assert!(!remove_data(&mut list, 18));
    }

    #[test]
    fn identifiers_that_are_not_standard_are_no_number() {
        let odd = GenericIdentifier::standard(70_000.into());
        assert_eq!(standard(&odd), None);
        assert_eq!(standard(&GenericIdentifier::oid([1, 2, 3].into())), None);
        assert_eq!(standard(&identifier(16_383)), Some(16_383));
    }
}
