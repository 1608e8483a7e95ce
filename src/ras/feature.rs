//! H.460 features in RAS messages.

use pinhole_h323::asn::h225::FeatureSet;
use pinhole_h323::generic::{self, Need};

/// True when a message advertises a feature.
pub(super) fn asked(features: Option<&FeatureSet>, id: u16) -> bool {
    features.is_some_and(|features| generic::feature(features, id).is_some())
}

/// Says that a feature is supported.
pub(super) fn grant(features: &mut Option<FeatureSet>, id: u16) {
    let features = features.get_or_insert_default();
    generic::set_feature(features, Need::Supported, generic::new(id));
}
