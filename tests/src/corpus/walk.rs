//! The fields of a `PodSpec`, found in Kubernetes' schema, and a spec with one of them set.

use super::samples;
use serde_json::{Map, Value, json};

/// Objects within objects that are followed.
const DEEPEST: usize = 9;

/// The way to one field.
#[derive(Debug, Clone)]
pub(super) struct Field {
    steps: Vec<Step>,
}

/// One field on the way.
#[derive(Debug, Clone)]
struct Step {
    key: String,
    /// Short name of the definition that has the field.
    owner: String,
    schema: Value,
}

impl Field {
    /// `spec.containers[].env[].name`.
    pub(super) fn name(&self) -> String {
        let mut out = "spec".to_owned();
        for step in &self.steps {
            out.push('.');
            out.push_str(&step.key);
            if step.schema.get("items").is_some() {
                out.push_str("[]");
            }
        }
        out
    }
}

/// Every field of a `PodSpec` that can be set at creation.
pub(super) fn fields(definitions: &Map<String, Value>) -> Vec<Field> {
    let mut out = Vec::new();
    descend(
        "io.k8s.api.core.v1.PodSpec",
        definitions,
        &mut Vec::new(),
        &mut Vec::new(),
        &mut out,
    );
    out
}

fn descend(
    name: &str,
    definitions: &Map<String, Value>,
    steps: &mut Vec<Step>,
    above: &mut Vec<String>,
    out: &mut Vec<Field>,
) {
    let properties = definitions.get(name).and_then(|one| one.get("properties"));
    let properties = properties.and_then(Value::as_object);
    above.push(name.to_owned());
    for (key, schema) in properties.into_iter().flatten() {
        // They are added to Pods that run.
        if key == "ephemeralContainers" {
            continue;
        }
        steps.push(Step {
            key: key.clone(),
            owner: short(name).to_owned(),
            schema: schema.clone(),
        });
        out.push(Field {
            steps: steps.clone(),
        });
        let inner = reference(schema.get("items").unwrap_or(schema));
        if let Some(inner) = inner.filter(|inner| above.len() < DEEPEST && !above.contains(inner)) {
            descend(&inner, definitions, steps, above, out);
        }
        steps.pop();
    }
    above.pop();
}

/// The usual spec with the field set.
pub(super) fn spec_with(field: &Field, definitions: &Map<String, Value>) -> Value {
    let mut spec = super::base();
    let mut here = &mut spec;
    let Some((last, way)) = field.steps.split_last() else {
        return spec;
    };
    for step in way {
        clear_union(here, step);
        let is_list = step.schema.get("items").is_some();
        if here.get(&step.key).is_none() {
            here[&step.key] = value(step, definitions);
        }
        let next = &mut here[step.key.as_str()];
        here = if is_list { last_of(next) } else { next };
    }
    clear_union(here, last);
    // A sibling list of the usual spec stays; a further item of it is what is asked about.
    let set = value(last, definitions);
    match (here.get_mut(&last.key), &set) {
        (Some(Value::Array(items)), Value::Array(more)) => items.extend(more.iter().cloned()),
        _ => here[&last.key] = set,
    }
    spec
}

/// Of some fields only one may be set.
fn clear_union(object: &mut Value, step: &Step) {
    let union = samples::union(&step.owner);
    if let Some(map) = object
        .as_object_mut()
        .filter(|_| union.contains(&step.key.as_str()))
    {
        map.retain(|key, _| *key == step.key || !union.contains(&key.as_str()));
    }
}

fn last_of(list: &mut Value) -> &mut Value {
    let at = list
        .as_array()
        .map_or(0, |items| items.len().saturating_sub(1));
    if list.get(at).is_none() {
        *list = json!([{}]);
    }
    &mut list[at]
}

/// A legal value of a field, as far as the schema and our knowledge go.
fn value(step: &Step, definitions: &Map<String, Value>) -> Value {
    if let Some(known) = samples::field(&step.owner, &step.key) {
        return known;
    }
    match step.schema.get("items") {
        Some(items) => json!([of_schema(items, definitions, 0)]),
        None => of_schema(&step.schema, definitions, 0),
    }
}

fn of_schema(schema: &Value, definitions: &Map<String, Value>, depth: usize) -> Value {
    if let Some(name) = reference(schema) {
        return of_definition(&name, definitions, depth);
    }
    let kind = match schema.get("type") {
        Some(Value::Array(kinds)) => kinds.first().and_then(Value::as_str),
        Some(kind) => kind.as_str(),
        None => schema.pointer("/oneOf/0/type/0").and_then(Value::as_str),
    };
    match kind {
        Some("string") => "text".into(),
        Some("integer" | "number") => 1.into(),
        Some("boolean") => true.into(),
        Some("array") => {
            let items = schema.get("items").unwrap_or(&Value::Null);
            json!([of_schema(items, definitions, depth + 1)])
        }
        _ if schema
            .get("additionalProperties")
            .is_some_and(Value::is_object) =>
        {
            json!({"a": "1"})
        }
        _ => json!({}),
    }
}

/// An object with what it needs, and no more.
fn of_definition(name: &str, definitions: &Map<String, Value>, depth: usize) -> Value {
    if let Some(known) = samples::definition(short(name)) {
        return known;
    }
    let Some(definition) = definitions.get(name).filter(|_| depth < DEEPEST) else {
        return json!({});
    };
    let Some(properties) = definition.get("properties") else {
        return of_schema(definition, definitions, depth + 1);
    };
    let mut out = Map::new();
    let required = definition.get("required").and_then(Value::as_array);
    for key in required.into_iter().flatten().filter_map(Value::as_str) {
        let known = samples::field(short(name), key);
        let value = known.unwrap_or_else(|| of_schema(&properties[key], definitions, depth + 1));
        out.insert(key.to_owned(), value);
    }
    Value::Object(out)
}

/// The definition a schema refers to.
fn reference(schema: &Value) -> Option<String> {
    let direct = schema.get("$ref");
    let one = direct.or_else(|| schema.pointer("/allOf/0/$ref"))?;
    one.as_str()?.rsplit('/').next().map(str::to_owned)
}

/// `Container` of `io.k8s.api.core.v1.Container`.
fn short(name: &str) -> &str {
    name.rsplit('.').next().unwrap_or(name)
}
