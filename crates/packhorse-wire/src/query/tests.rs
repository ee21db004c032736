//! Decoding.

use http::HeaderValue;
use proptest::prelude::*;

use super::*;

fn decoded(query: &str, body: &[u8]) -> Result<Vec<(String, String)>, String> {
    let parameters = Parameters::decode(query, body).map_err(|fault| fault.message().to_owned())?;
    Ok(parameters
        .iter()
        .map(|p| (p.name.clone(), p.value.clone()))
        .collect())
}

fn pairs(list: &[(&str, &str)]) -> Vec<(String, String)> {
    list.iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

#[test]
fn both_spellings_of_a_blank_are_one() {
    let expected = pairs(&[("Action", "x"), ("a", "1 2 3+"), ("b", ""), ("c", "=&é")]);
    assert_eq!(
        decoded("Action=x", b"a=1+2%203%2b&&b=&c=%3D%26%C3%A9"),
        Ok(expected)
    );
    assert_eq!(decoded("", b"jobIds"), Ok(pairs(&[("jobIds", "")])));
}

#[test]
fn what_cannot_be_decoded_is_refused() {
    let check = |query: &str, body: &[u8], part: &str| {
        let message = decoded(query, body).unwrap_err();
        assert!(message.contains(part), "{message}");
    };
    check("a=%", b"", "The parameter a has a %");
    check("a=%4", b"", "The parameter a has a %");
    check("a=%4x", b"", "The parameter a has a %");
    check("%zz=1", b"", "A parameter name has a %");
    check("a=%FF", b"", "The parameter a is not UTF-8");
    check("", b"a=\xff", "The body is not UTF-8");
    check("a=1&a=1", b"", "The parameter a is given twice");
    check(
        "Action=1",
        b"Action=1",
        "The parameter Action is given twice",
    );
    check("%00=1", b"", "control character");
    check(
        &format!("{}=1", "n".repeat(129)),
        b"",
        "longer than 128 bytes",
    );
    let many: String = (0..=PARAMETERS_MAX).map(|n| format!("p{n}=&")).collect();
    check(&many, b"", "more than 256 parameters");
    check(
        "",
        &vec![b'a'; BODY_BYTES_MAX + 1],
        "more than 3211264 bytes",
    );
}

#[test]
fn values_stay_out_of_debug() {
    let parameters = Parameters::decode("Manifest=trueCryptPassword", b"").unwrap();
    assert!(!format!("{parameters:?}").contains("trueCrypt"));
}

#[test]
fn a_name_beyond_the_message_is_cut() {
    let name = "n".repeat(128);
    let fault = Parameters::decode(&format!("{name}=%"), b"").unwrap_err();
    assert!(fault.message().len() < 150, "{fault}");
}

#[test]
fn flags_and_lists_are_read_strictly() {
    let query =
        "t=TRUE&f=false&e=&w=yes&l.member.10=j&l.member.2=b&l.member.1=a&k=&m=a&n.member.01=x";
    let parameters = Parameters::decode(query, b"").unwrap();
    assert_eq!(parameters.flag("t"), Ok(true));
    assert_eq!(parameters.flag("f"), Ok(false));
    assert_eq!(parameters.flag("e"), Ok(false));
    assert_eq!(parameters.flag("absent"), Ok(false));
    assert!(parameters.flag("w").is_err());
    assert_eq!(parameters.list("l").unwrap(), ["a", "b", "j"]);
    assert_eq!(parameters.list("k").unwrap(), [""; 0]);
    assert!(parameters.list("m").is_err());
    assert!(parameters.list("n").is_err());
}

#[test]
fn a_text_that_xml_cannot_carry_is_refused_where_it_is_used() {
    let parameters = Parameters::decode("a=line%0Aone%01", b"").unwrap();
    let fault = parameters.text("a").unwrap_err();
    assert!(fault.message().contains("U+0001 in line 2"), "{fault}");
}

#[test]
fn the_action_may_stand_in_three_places_which_must_agree() {
    let check = |path: &str, query: &str, body: &[u8], expected: Option<&str>| {
        let action = Parameters::decode(query, body).unwrap().action(path);
        assert_eq!(action.ok().as_deref(), expected, "{path}?{query}");
    };
    check("/", "Action=ListJobs", b"", Some("ListJobs"));
    check("/", "", b"Action=ListJobs", Some("ListJobs"));
    check("/", "Operation=ListJobs", b"", Some("ListJobs"));
    check(
        "/",
        "Operation=ListJobs",
        b"Action=ListJobs",
        Some("ListJobs"),
    );
    check("/", "Operation=ListJobs", b"Action=CancelJob", None);
    check(
        "/%3FOperation%3DListJobs",
        "",
        b"Action=ListJobs",
        Some("ListJobs"),
    );
    check("/%3FOperation%3DListJobs", "", b"", Some("ListJobs"));
    check("/%3FOperation%3DListJobs", "", b"Action=CancelJob", None);
    check("/a/prefix/", "Action=ListJobs", b"", Some("ListJobs"));
    check("/%FF", "", b"", None);
    check("/", "Action=%01", b"", None);
}

#[test]
fn a_body_is_a_form_or_refused() {
    let check = |method: &str, content_type: Option<&str>, body: &[u8]| {
        let mut headers = HeaderMap::new();
        if let Some(content_type) = content_type {
            headers.insert(CONTENT_TYPE, HeaderValue::from_str(content_type).unwrap());
        }
        let call = Call {
            method,
            path: "/",
            query: "q=1",
            headers: &headers,
            body,
        };
        call.parameters()
            .map(|parameters| parameters.iter().count())
    };
    assert_eq!(check("POST", None, b"a=1"), Ok(2));
    assert_eq!(
        check(
            "POST",
            Some("application/X-WWW-form-urlencoded ;charset=utf-8"),
            b"a"
        ),
        Ok(2)
    );
    assert_eq!(check("POST", Some("application/json"), b""), Ok(1));
    assert_eq!(check("GET", Some("application/json"), b"{}"), Ok(1));
    assert!(check("POST", Some("application/json"), b"{}").is_err());
    assert!(check("DELETE", None, b"").is_err());
}

proptest! {
    #[test]
    fn a_form_is_read_back_as_it_was_written(
        list in proptest::collection::btree_map("[^\\p{Cc}]{1,20}", ".*", 0..20)
    ) {
        let list: Vec<(String, String)> = list.into_iter().collect();
        let form = encode_form(list.iter().map(|(name, value)| (name, value)));
        prop_assert_eq!(decoded(&form, b""), Ok(list.clone()));
        prop_assert_eq!(decoded("", form.replace("%20", "+").as_bytes()), Ok(list));
    }

    #[test]
    fn no_bytes_make_the_decoder_panic(query: String, body: Vec<u8>) {
        if let Ok(parameters) = Parameters::decode(&query, &body) {
            let _ = parameters.action(&query);
        }
    }

    #[test]
    fn no_form_makes_the_decoder_panic(query in "[%&=+a-fA-F0-9.é]{0,60}") {
        let _ = Parameters::decode(&query, query.as_bytes());
    }
}
