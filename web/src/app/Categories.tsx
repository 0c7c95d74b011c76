import { categoriesQuery } from "@/api/catalog";
import { texts } from "@/texts/shell";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";

export function Categories() {
  const { data } = useQuery(categoriesQuery);
  return (
    <>
      <Link to="/products" search={{}} activeOptions={{ exact: true, includeSearch: true }}>
        {texts.allProducts}
      </Link>
      {data?.map(({ slug, name }) => (
        <Link key={slug} to="/products" search={{ category: slug }} activeOptions={{ includeSearch: true }}>
          {name}
        </Link>
      ))}
    </>
  );
}
