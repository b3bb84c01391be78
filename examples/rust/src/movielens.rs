//! MovieLens as tastemaker sees it: a rating is an event of kind `rate`, a movie is an item.

use std::path::{Path, PathBuf};

use tastemaker::catalog::Catalog;
use tastemaker::event::{EventColumns, IdColumn};
use tastemaker::json::json;

use crate::Result;

/// Where the data set lies in this repository.
#[must_use]
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../data/ml-latest-small")
}

/// The columns of `ratings.csv`; the ids borrow from its text.
#[derive(Default)]
pub struct Ratings<'a> {
    /// Who rated.
    pub user: Vec<&'a str>,
    /// Which movie.
    pub movie: Vec<&'a str>,
    /// 0.5 to 5 stars.
    pub stars: Vec<f64>,
    /// When, in milliseconds since 1970.
    pub timestamp: Vec<i64>,
    kind: Vec<u32>,
}

impl<'a> Ratings<'a> {
    /// Reads the text of `ratings.csv`.
    ///
    /// # Errors
    /// If a line does not have its four fields.
    pub fn parse(text: &'a str) -> Result<Self> {
        let mut ratings = Self::default();
        for line in text.lines().skip(1) {
            let mut fields = line.split(',');
            let mut field = || {
                fields
                    .next()
                    .ok_or_else(|| format!("ratings.csv: {line:?} is short"))
            };
            ratings.user.push(field()?);
            ratings.movie.push(field()?);
            ratings.stars.push(field()?.parse()?);
            ratings.timestamp.push(field()?.parse::<i64>()? * 1000);
        }
        ratings.kind = vec![0; ratings.user.len()];
        Ok(ratings)
    }

    /// The ratings as tastemaker takes them: columns that are borrowed, not copied.
    #[must_use]
    pub fn events(&self) -> EventColumns<'_> {
        EventColumns {
            user_id: IdColumn::Text(&self.user),
            item_id: IdColumn::Text(&self.movie),
            kind: Some(IdColumn::Dictionary {
                codes: &self.kind,
                values: &["rate"],
            }),
            weight: Some(&self.stars),
            timestamp: Some(&self.timestamp),
        }
    }

    /// The number of ratings.
    #[must_use]
    pub fn len(&self) -> usize {
        self.user.len()
    }

    /// True if there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.user.is_empty()
    }
}

/// Reads the text of `movies.csv` into a catalog with `title`, `year` and `genres`.
///
/// # Errors
/// If a line does not have its three fields.
pub fn catalog(text: &str) -> Result<Catalog> {
    let mut catalog = Catalog::with_schema(&json!({
        "title": "text", "year": "number", "genres": "tags",
    }))?;
    for line in text.lines().skip(1) {
        let Some((id, title, genres)) = movie(line) else {
            return Err(format!("movies.csv: {line:?} is short").into());
        };
        let (title, year) = split_year(&title);
        let genres: Vec<&str> = match genres {
            "(no genres listed)" => Vec::new(),
            some => some.split('|').collect(),
        };
        let mut attributes = json!({"title": title, "genres": genres});
        if let Some(year) = year {
            attributes["year"] = json!(year);
        }
        catalog.add(id, &attributes)?;
    }
    Ok(catalog)
}

/// The id, title and genres of a line; a title with a comma is quoted, its quotes are doubled.
fn movie(line: &str) -> Option<(&str, String, &str)> {
    let (id, rest) = line.split_once(',')?;
    let (title, genres) = rest.rsplit_once(',')?;
    let title = match title.strip_prefix('"').and_then(|t| t.strip_suffix('"')) {
        Some(quoted) => quoted.replace("\"\"", "\""),
        None => title.to_owned(),
    };
    Some((id, title, genres))
}

/// `Matrix, The (1999)` to `The Matrix` and 1999.
fn split_year(title: &str) -> (String, Option<u32>) {
    let title = title.trim();
    let year = title
        .strip_suffix(')')
        .and_then(|t| t.rsplit_once(" ("))
        .and_then(|(name, year)| Some((name, year.parse().ok()?)));
    let (name, year) = year.map_or((title, None), |(name, year)| (name, Some(year)));
    // What stands in brackets is another name of the same movie.
    let name = name.split_once(" (").map_or(name, |(name, _)| name);
    for article in ["The", "A", "An"] {
        let ending = name
            .strip_suffix(article)
            .and_then(|n| n.strip_suffix(", "));
        if let Some(name) = ending {
            return (format!("{article} {name}"), year);
        }
    }
    (name.to_owned(), year)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_movies() {
        let (id, title, genres) =
            movie("11,\"American President, The (1995)\",Comedy|Drama").unwrap();
        assert_eq!((id, genres), ("11", "Comedy|Drama"));
        assert_eq!(
            split_year(&title),
            ("The American President".to_owned(), Some(1995))
        );
        assert_eq!(split_year("Hyena Road"), ("Hyena Road".to_owned(), None));
        let (name, year) = split_year("Twelve Monkeys (a.k.a. 12 Monkeys) (1995)");
        assert_eq!((name.as_str(), year), ("Twelve Monkeys", Some(1995)));
    }

    #[test]
    fn a_line_of_ratings() {
        let ratings =
            Ratings::parse("userId,movieId,rating,timestamp\n1,31,2.5,1260759144\n").unwrap();
        assert_eq!(ratings.len(), 1);
        assert_eq!(
            (ratings.movie[0], ratings.stars[0], ratings.timestamp[0]),
            ("31", 2.5, 1_260_759_144_000)
        );
        assert!(Ratings::parse("header\n1,31\n").is_err());
    }
}
