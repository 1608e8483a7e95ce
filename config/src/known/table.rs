//! The table: from GnuGk's own list of 825 keys, its manual, and what only its code knows.

use super::{Known, Shape};

/// Every section, with the keys that have no type.
pub(super) const KNOWN: &[Known] = &[
    named(
        "AlternateGatekeepers::SQL",
        "CacheTimeout ConnectTimeout Database Driver Host Library MinPoolSize Password Query \
         ReadTimeout Username",
    ),
    named(
        "AMQPAcct",
        "AlertEvent CACert ConnectEvent ContentType Exchange Host OffEvent OnEvent Password Port \
         RegisterEvent RejectEvent RoutingKey StartEvent StopEvent TimestampFormat \
         UnregisterEvent UpdateEvent User UseSSL VHost",
    ),
    named(
        "AssignedAliases::SQL",
        "CacheTimeout ConnectTimeout Database Driver Host Library MinPoolSize Password Query \
         ReadTimeout Username",
    ),
    named(
        "AssignedGatekeepers::SQL",
        "CacheTimeout ConnectTimeout Database Driver Host Library MinPoolSize Password Query \
         ReadTimeout Username",
    ),
    named(
        "AssignedLanguage::SQL",
        "CacheTimeout ConnectTimeout Database Driver Host Library MinPoolSize Password Query \
         ReadTimeout Username",
    ),
    named(
        "CallTable",
        "AcctUpdateInterval \
         GenerateNBCDR GenerateUCCDR IRRCheck IRRFrequency SetCalledStationIdToDialedIP \
         SingleFailoverCDR TimestampFormat UseDestCallSignalIPAsDialedNumber",
    ),
    free("CapacityControl", ""),
    named(
        "CTI::Agents",
        "CTI_Timeout RequestTimeout VirtualQueue VirtualQueueAliases VirtualQueuePrefixes \
         VirtualQueueRegex",
    ),
    named(
        "CTI::MakeCall",
        "Bandwidth DisableFastStart DisableH245Tunneling EndpointAlias Gatekeeper Interface \
         TransferMethod UseH450",
    ),
    named(
        "Endpoint",
        "Authenticators Discovery E164 EnableAdditiveRegistration EnableGnuGkNATTraversal \
         EnableH46018 EnableH46023 EndpointIdentifier ForwardDestIp Gatekeeper \
         GatekeeperIdentifier H323ID HideGk NATKeepaliveInterval NATRetryInterval Password Prefix \
         ProductId ProductVersion RRQRetryInterval TimeToLive Type UnregisterOnReload \
         UseAlternateGK UseTLS Vendor",
    ),
    free("Endpoint::RewriteE164", ""),
    family("EP", "DisableCallCreditCapabilities DisableH46017 UseTLS"),
    named(
        "FileAcct",
        "CDRString DetailFile Rotate RotateDay RotateTime StandardCDRFormat TimestampFormat",
    ),
    free("FileIPAuth", ""),
    named(
        "Gatekeeper::Acct",
        "AMQPAcct CapacityControl default FileAcct HttpAcct LuaAcct MQTTAcct RadAcct SQLAcct \
         StatusAcct SyslogAcct",
    ),
    named(
        "Gatekeeper::Auth",
        "AliasAuth CapacityControl default FileIPAuth GeoIPAuth H350PasswordAuth HttpPasswordAuth \
         LDAPAliasAuth LDAPPasswordAuth LuaAuth LuaPasswordAuth PrefixAuth RadAliasAuth RadAuth \
         RequireOneNet SimplePasswordAuth SQLAliasAuth SQLAuth SQLPasswordAuth TwoAliasAuth",
    ),
    named(
        "Gatekeeper::Main",
        "Authenticators DisconnectCallsOnShutdown \
         EncryptAllPasswords EndpointSignalPort FortyTwo FourtyTwo LicenseFile \
         ListenQueueLength MaxASNArraySize MaxSocketQueue MaxStatusClients MinH323Version \
         NetworkInterfaces SendTo SkipForwards SshStatusPort StatusEventBacklog StatusEventBacklogRegex \
         StatusPort StatusReceiveBufferSize StatusSendBufferSize StatusTraceLevel \
         TimestampFormat TraceLevel UseBroadcastListener \
         WorkerThreadIdleTimeout",
    ),
    named("GeoIPAuth", "AllowedCountries Database"),
    named(
        "GkH350::Settings",
        "AssignedAliases BindAuthMode BindUserDN BindUserPW GatekeeperDiscovery SearchBaseDN \
         ServerName ServerPort ServiceControl StartTLS",
    ),
    named("GkLDAP::LDAPAttributeNames", "CallDestination H235PassWord H323ID IPAddress TelephonNo"),
    named("GkLDAP::LDAPAttributes", "CallDestination H235PassWord H323ID IPAddress TelephoneNo"),
    named(
        "GkLDAP::Settings",
        "BindAuthMode BindUserDN BindUserPW SearchBaseDN ServerName ServerPort sizelimit StartTLS \
         timelimit",
    ),
    named(
        "GkPresence::SQL",
        "CacheTimeout ConnectTimeout Database Driver Host IncrementalUpdate Library MinPoolSize \
         Password QueryAdd QueryDelete QueryList QueryUpdate ReadTimeout UpdateWorkerTimer \
         Username",
    ),
    named("GkQoSMonitor", "CallEndOnly DetailFile Enable"),
    named(
        "GkQoSMonitor::SQL",
        "CacheTimeout ConnectTimeout Database Driver Host Library Password Query ReadTimeout \
         Username",
    ),
    free(
        "GkStatus::Auth",
        "default DelayReject DSAKey LoginTimeout regex RSAKey Shutdown WorkerThreadIdleTimeout",
    ),
    named("GkStatus::Filtering", "Enable ExcludeFilter IncludeFilter NewRCFOnly"),
    named("GkStatus::Message", "Compact RCF URQ"),
    named(
        "GnuGkAssignedGatekeepers::SQL",
        "CacheTimeout ConnectTimeout Database Driver Host Library MinPoolSize Password Query \
         ReadTimeout RehomingWait Username",
    ),
    free("H225toQ931", ""),
    named(
        "H235",
        "CheckSendersID FullQ931Checking RequireGeneralID UseEndpointIdentifier \
         VerifyRandomNumber",
    ),
    named("H350PasswordAuth", "PasswordTimeout"),
    named(
        "HttpAcct",
        "AlertBody AlertURL Authorization ConnectBody ConnectURL ContentType MediaFailBody \
         MediaFailURL Method OffBody OffURL OnBody OnURL RegisterBody RegisterURL RejectBody \
         RejectURL StartBody StartURL StopBody StopURL TimestampFormat UnregisterBody \
         UnregisterURL UpdateBody UpdateURL",
    ),
    named(
        "HttpPasswordAuth",
        "Body ContentType DeleteRegex ErrorRegex Method PasswordTimeout ResultRegex URL",
    ),
    named("LDAPAliasAuth", "PasswordTimeout"),
    named("LDAPPasswordAuth", "PasswordTimeout"),
    named("LogFile", "DeleteOnRotation Filename LogToSyslog Rotate RotateDay RotateTime"),
    named("LuaAcct", "Script ScriptFile TimestampFormat"),
    named("LuaAuth", "CallScript CallScriptFile RegistrationScript RegistrationScriptFile"),
    named("LuaPasswordAuth", "PasswordTimeout Script ScriptFile"),
    free("ModeSelection", ""),
    free("ModeVendorSelection", ""),
    named(
        "MQTTAcct",
        "AlertEvent CACert CallTopic ConnectEvent Host OffEvent OnEvent Password Port \
         RegisterEvent RegistrationTopic RejectEvent StartEvent StopEvent TimestampFormat \
         UnregisterEvent UpdateEvent User UseSSL",
    ),
    free("NATedEndpoints", ""),
    family("Neighbor", "ForwardResponse UseTLS"),
    named(
        "PortNotifications",
        "H245PortClose H245PortOpen Q931PortClose Q931PortOpen RadiusPortClose RadiusPortOpen \
         RASPortClose RASPortOpen RTPPortClose RTPPortOpen StatusPortClose StatusPortOpen \
         T120PortClose T120PortOpen",
    ),
    free("PrefixAuth", ""),
    free("Pinhole::EncryptByAlias", ""),
    free("Pinhole::EncryptByNeighbor", ""),
    free("Pinhole::EncryptByNetwork", ""),
    named("Pinhole::Encryption", ""),
    named("Pinhole::Limits", ""),
    named(
        "Proxy",
        "AbortOnInvalidTPKT AsteriskGWDN AsteriskGWID CachePortDetection \
         CachePortDetectionDuration DisableRTPQueueing EnableRTCPStats \
         EnableRTPMute \
         LegacyPortDetection MatchH239SessionsByIDOnly MatchH239SessionsByType \
         PortDetectionTimeout",
    ),
    named(
        "RadAcct",
        "AppendCiscoAttributes DefaultAcctPort FixedUsername IdCacheTimeout LocalInterface \
         RadiusPortRange RequestRetransmissions RequestTimeout RoundRobinServers Servers \
         SharedSecret SocketDeleteTimeout TimestampFormat UseDialedNumber",
    ),
    named(
        "RadAliasAuth",
        "AppendCiscoAttributes DefaultAuthPort EmptyUsername FixedPassword FixedUsername \
         IdCacheTimeout IncludeTerminalAliases LocalInterface RadiusPortRange \
         RequestRetransmissions RequestTimeout RoundRobinServers Servers SharedSecret \
         SocketDeleteTimeout UseDialedNumber",
    ),
    named(
        "RadAuth",
        "AppendCiscoAttributes DefaultAuthPort IdCacheTimeout IncludeTerminalAliases \
         LocalInterface RadiusPortRange RequestRetransmissions RequestTimeout RoundRobinServers \
         Servers SharedSecret SocketDeleteTimeout UseDialedNumber",
    ),
    free("RasSrv::AlternateGatekeeper", ""),
    named("RasSrv::ARQFeatures", "CallUnregisteredEndpoints"),
    free("RasSrv::AssignedAlias", ""),
    free("RasSrv::AssignedGatekeeper", ""),
    free("RasSrv::GWPrefixes", ""),
    free("RasSrv::GWRewriteE164", ""),
    named(
        "RasSrv::LRQFeatures",
        "AcceptNonNeighborLCF AlwaysForwardLRQ CiscoGKCompatible EnableLanguageRouting \
         ForwardResponse IncludeDestinationInfoInLCF LoopDetectionReprocessLCFs PreserveDestination",
    ),
    free("RasSrv::Neighbors", ""),
    free("RasSrv::PermanentEndpoints", ""),
    free("RasSrv::RewriteAlias", ""),
    free("RasSrv::RewriteE164", "Fastmatch"),
    free("RasSrv::RRQAuth", ""),
    named("RasSrv::RRQFeatures", "AuthenticatedAliasesOnly GatewayAssignAliases"),
    free("ReplyToRasAddress", ""),
    named("RequireOneNet", "Networks"),
    free("RewriteCLI", "CLIRPolicy ProcessSourceAddress RemoveH323Id"),
    named(
        "RewriteCLI::SQL",
        "CacheTimeout ConnectTimeout Database Driver Host InboundQuery Library MinPoolSize \
         OutboundQuery Password ReadTimeout Username",
    ),
    named(
        "RewriteSourceAddress",
        "ForceAliasType MatchSourceTypeToDestination OnlyE164 OnlyValid10Dand11D ReplaceChar \
         Rules TreatNumberURIDialedDigits",
    ),
    named(
        "RoutedMode",
        "AbortOnInvalidTPKT \
         DisableSettingUDPSourceIP EnableGnuGkNATTraversal \
         EnableH245Multiplexing EnableH450.2 EnableH46017 EnableH46023 EnableH46026 EnableH460P \
         ENUMservers \
         ForceNATKeepAlive \
         H235HalfCallMediaStrength \
         H245MultiplexPort H4502EmulatorTransferMethod \
         H46023ForceNat H46023PublicIP H46023SignalGKRouted H46023STUN H46024ForceDirect \
         H46024ForceNat MatchH239SessionsByIDOnly \
         MatchH239SessionsByType \
         ProxyHandlerHighPrio RDSservers \
         RemoveSorensonSourceInfo \
         RerouteOnFacility RtpHandlerNumber \
         SocketCleanupTimeout \
         TLSCallSignalPort \
         TranslateSorensonSourceInfo \
         UseH46026PriorityQueue UseProvisionalRespToH245Tunneling",
    ),
    instances("Routing::CatchAll", "CatchAllAlias CatchAllIP"),
    instances("Routing::DNS", "ResolveNonLocalLRQ RewriteARQDestination"),
    open_instances("Routing::ENUM", "ResolveLRQ"),
    free("Routing::Explicit", ""),
    instances(
        "Routing::Forwarding",
        "CacheTimeout ConnectTimeout Database Driver Host Library MinPoolSize Password Query \
         ReadTimeout Username",
    ),
    instances(
        "Routing::Http",
        "Body ContentType DeleteRegex ErrorRegex JSONResponse Method ResultRegex URL",
    ),
    instances("Routing::Lua", "Script ScriptFile"),
    instances(
        "Routing::NeighborSql",
        "CacheTimeout ConnectTimeout Database Driver Host Library MinPoolSize Password Query \
         ReadTimeout Username",
    ),
    free("Routing::NumberAnalysis", ""),
    instances("Routing::RDS", "ResolveLRQ"),
    instances(
        "Routing::Sql",
        "CacheTimeout ConnectTimeout Database Driver EnableRegexRewrite Host Library MinPoolSize \
         Password Query ReadTimeout Username",
    ),
    open_instances("Routing::SRV", "ConvertURLs ResolveNonLocalLRQ"),
    free("Routing::URIService", ""),
    free("RoutingPolicy", ""),
    free("RoutingPolicy::OnARQ", ""),
    free("RoutingPolicy::OnFacility", ""),
    free("RoutingPolicy::OnLRQ", ""),
    free("RoutingPolicy::OnSetup", ""),
    free("SimplePasswordAuth", "CheckID DisableAlgorithm PasswordTimeout"),
    named(
        "SNMP",
        "AgentListenIP AgentListenPort AllowRequestsFrom EnableSNMP EnableTraps \
         EnableWarningTraps Implementation Standalone TrapCommunity TrapHost",
    ),
    named(
        "SQLAcct",
        "AlertQuery CacheTimeout ConnectTimeout Database Driver Host Library MinPoolSize OffQuery \
         OnQuery Password ReadTimeout RegisterQuery StartQuery StartQueryAlt StopQuery \
         StopQueryAlt TimestampFormat UnregisterQuery UpdateQuery Username",
    ),
    named(
        "SQLAliasAuth",
        "CacheTimeout ConnectTimeout Database Driver Host Library MinPoolSize Password Query \
         ReadTimeout Table Username",
    ),
    named(
        "SQLAuth",
        "CacheTimeout CallQuery ConnectTimeout Database Driver Host Library MinPoolSize NbQuery \
         Password ReadTimeout RegQuery Username",
    ),
    named(
        "SQLConfig",
        "AssignedAliasQuery CacheTimeout ConfigQuery ConnectTimeout Database Driver \
         GWPrefixesQuery Host Library MinPoolSize NeighborsQuery NeighborsQuery2 Password \
         PermanentEndpointsQuery ReadTimeout RewriteAliasQuery RewriteE164Query Username",
    ),
    named(
        "SQLPasswordAuth",
        "CacheTimeout ConnectTimeout Database Driver Host Library MinPoolSize Password Query \
         ReadTimeout Username",
    ),
    named(
        "StatusAcct",
        "AlertEvent ConnectEvent MediaFailEvent RegisterEvent RejectEvent StartEvent StopEvent \
         TimestampFormat UnregisterEvent UpdateEvent",
    ),
    named(
        "SyslogAcct",
        "ConnectEvent StartEvent StopEvent SyslogFacility SyslogLevel TimestampFormat UpdateEvent",
    ),
    named(
        "TLS",
        "CADir CAFile Certificates CheckCertificateIP CipherList EnableTLS Passphrase PrivateKey \
         RequireRemoteCertificate",
    ),
    free("TwoAliasAuth", ""),
];

const fn known(section: &'static str, shape: Shape, keys: &'static str) -> Known {
    Known { section, shape, keys }
}

const fn named(section: &'static str, keys: &'static str) -> Known {
    known(section, Shape::Named, keys)
}

const fn free(section: &'static str, keys: &'static str) -> Known {
    known(section, Shape::Free, keys)
}

const fn family(section: &'static str, keys: &'static str) -> Known {
    known(section, Shape::Family, keys)
}

const fn instances(section: &'static str, keys: &'static str) -> Known {
    known(section, Shape::Instances, keys)
}

const fn open_instances(section: &'static str, keys: &'static str) -> Known {
    known(section, Shape::FreeInstances, keys)
}
