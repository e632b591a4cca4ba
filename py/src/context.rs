//! Encryption contexts: the arguments `context`, which binds, and `require`, which demands.

use pyo3::{
    exceptions::PyTypeError,
    prelude::*,
    types::{PyMapping, PyString},
};

use crate::convert::type_name;

/// The argument `context`: a mapping of `str` to `str`, or `None`.
pub(crate) struct Context<'py>(Vec<(Bound<'py, PyString>, Bound<'py, PyString>)>);

impl<'py> Context<'py> {
    pub(crate) fn from_py(context: Option<&Bound<'py, PyAny>>) -> PyResult<Self> {
        let pairs = items("context", context)?.into_iter().map(|(key, value)| {
            let value = text("context", "value", "str", value)?;
            Ok((text("context", "key", "str", key)?, value))
        });
        pairs.collect::<PyResult<_>>().map(Self)
    }

    pub(crate) fn pairs(&self) -> PyResult<Vec<(&str, &str)>> {
        let pairs = self.0.iter();
        pairs.map(|(k, v)| Ok((k.to_str()?, v.to_str()?))).collect()
    }
}

/// The argument `require`: a mapping of `str` to `str` or `None`, or `None`.
pub(crate) struct Require<'py>(Vec<(Bound<'py, PyString>, Option<Bound<'py, PyString>>)>);

impl<'py> Require<'py> {
    pub(crate) fn from_py(require: Option<&Bound<'py, PyAny>>) -> PyResult<Self> {
        let pairs = items("require", require)?.into_iter().map(|(key, value)| {
            let value = (!value.is_none())
                .then(|| text("require", "value", "str or None", value))
                .transpose()?;
            Ok((text("require", "key", "str", key)?, value))
        });
        pairs.collect::<PyResult<_>>().map(Self)
    }

    /// For a class, which cannot borrow them.
    pub(crate) fn to_owned(&self) -> PyResult<Vec<(String, Option<String>)>> {
        let pairs = self.pairs()?.into_iter();
        Ok(pairs
            .map(|(key, value)| (key.to_owned(), value.map(str::to_owned)))
            .collect())
    }

    pub(crate) fn pairs(&self) -> PyResult<Vec<(&str, Option<&str>)>> {
        let mut pairs = Vec::with_capacity(self.0.len());
        for (key, value) in &self.0 {
            let value = value.as_ref().map(|value| value.to_str()).transpose()?;
            pairs.push((key.to_str()?, value));
        }
        Ok(pairs)
    }
}

type Item<'py> = (Bound<'py, PyAny>, Bound<'py, PyAny>);

fn items<'py>(name: &str, mapping: Option<&Bound<'py, PyAny>>) -> PyResult<Vec<Item<'py>>> {
    let Some(mapping) = mapping else {
        return Ok(Vec::new());
    };
    let Ok(mapping) = mapping.cast::<PyMapping>() else {
        let message = format!("{name} must be a mapping, not {}", type_name(mapping));
        return Err(PyTypeError::new_err(message));
    };
    let items = mapping.items()?;
    items.iter().map(|item| item.extract()).collect()
}

fn text<'py>(
    name: &str,
    part: &str,
    wanted: &str,
    value: Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyString>> {
    value.cast_into::<PyString>().map_err(|error| {
        let value = error.into_inner();
        let given = type_name(&value);
        let message = format!("each {part} of {name} must be {wanted}, not {given}: {value:?}");
        PyTypeError::new_err(message)
    })
}
